/** `/resource_classes`. */
import { badRequest, conflict } from '#lib/fault.ts'
import { compileSchema, constant, object, operation, required } from '#lib/versioned/index.ts'
import {
  getResourceClass,
  insertResourceClass,
  listResourceClasses,
  removeResourceClass,
  renameResourceClass,
} from '../db/resource-classes.ts'
import { type Endpoint, endpoint, param, type Scope } from './endpoint.ts'
import { CUSTOM_NAME } from './shapes.ts'

const versions = '1.2..'
const RULE = 'placement:resource_classes'
const named = object({ name: required(constant<string>(CUSTOM_NAME)) })

const listSpec = operation({ path: 'GET /resource_classes', versions, policy: `${RULE}:list` })
const createSpec = operation({
  path: 'POST /resource_classes',
  versions,
  policy: `${RULE}:create`,
  status: 201,
  body: named,
})
const showSpec = operation({ path: 'GET /resource_classes/{name}', versions, policy: `${RULE}:show` })
const renameSpec = operation({
  path: 'PUT /resource_classes/{name}',
  versions: '1.2..1.6',
  policy: `${RULE}:update`,
  body: named,
})
const ensureSpec = operation({
  path: 'PUT /resource_classes/{name}',
  versions: '1.7..',
  policy: `${RULE}:update`,
})
const removeSpec = operation({
  path: 'DELETE /resource_classes/{name}',
  versions,
  policy: `${RULE}:delete`,
  status: 204,
})

const checkCustomName = compileSchema(CUSTOM_NAME)

const showClass = ({ options }: Scope, name: string) => ({
  name,
  links: [{ rel: 'self', href: `${options.mountPath}/resource_classes/${name}` }],
})

export const resourceClassEndpoints: readonly Endpoint[] = [
  endpoint(listSpec, async ({ scope }) => {
    const classes = await listResourceClasses(scope.db)
    return { body: { resource_classes: classes.map(({ name }) => showClass(scope, name)) } }
  }),
  endpoint(createSpec, async ({ scope, body: { name } }) => {
    if (!(await insertResourceClass(scope.db, name, scope.clock.now())))
      throw conflict(`Conflicting resource class already exists: ${name}`)
    return { location: `/resource_classes/${name}` }
  }),
  endpoint(showSpec, async (call) => {
    const { name, updatedAt } = await getResourceClass(call.scope.db, param(call, 'name'))
    return { body: showClass(call.scope, name), lastModified: updatedAt }
  }),
  endpoint(renameSpec, async (call) => {
    await call.write((trx, now) => renameResourceClass(trx, param(call, 'name'), call.body.name, now))
    return { body: showClass(call.scope, call.body.name) }
  }),
  endpoint(ensureSpec, async (call) => {
    const name = param(call, 'name')
    const problem = checkCustomName(name, { strip: false })
    if (problem) throw badRequest(`JSON does not validate: ${problem.message}`)
    const made = await insertResourceClass(call.scope.db, name, call.scope.clock.now())
    return { status: made ? 201 : 204, location: `/resource_classes/${name}` }
  }),
  endpoint(removeSpec, async (call) => {
    await call.write((trx) => removeResourceClass(trx, param(call, 'name')))
    return {}
  }),
]
