/** Security groups and their rules in nova-network's words, of Neutron's. */
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { groupView, ruleView } from '#api/security-groups/index.ts'
import { badRequest, Fault, isFault } from '#lib/fault.ts'
import {
  constant,
  type JsonSchema,
  LIMIT,
  many,
  object,
  operation,
  query,
  required,
  t,
} from '#lib/versioned/index.ts'
import type { SecurityGroup } from '#neighbours/networks/port.ts'
import type { Document, PassedRequest } from '#neighbours/pass-through/port.ts'
import { anyQuery, ENDED, limited, refusing } from './ended.ts'
import { neutronRuleOf, type RuleWish } from './security-group-rule.ts'

type AnyCall = Pick<Call<unknown, unknown, never>, 'token' | 'context' | 'params' | 'isAdmin'>
const RULE = 'os_compute_api:os-security-groups'

const anything = { additional: true } as const
const groupBody = object(
  {
    security_group: required(
      object(
        {
          name: required(t.string({ minLength: 0, maxLength: 255 })),
          description: required(t.string({ minLength: 0, maxLength: 255 })),
        },
        anything,
      ),
    ),
  },
  anything,
)
const free = constant<unknown>({} satisfies JsonSchema)
const ruleBody = object(
  {
    security_group_rule: required(
      object(
        {
          group_id: t.nullableString({ format: 'uuid' }),
          parent_group_id: required(t.uuid),
          to_port: free,
          from_port: free,
          ip_protocol: free,
          cidr: free,
        },
        anything,
      ),
    ),
  },
  anything,
)

const listQuery = query(
  { limit: many(LIMIT), offset: many(LIMIT), all_tenants: many() },
  { additional: true },
)

const groupOf = (document: Document): SecurityGroup => ({
  id: String(document['id']),
  name: String(document['name']),
  description: typeof document['description'] === 'string' ? document['description'] : '',
  projectId: String(document['project_id'] ?? document['tenant_id']),
  rules: (document['security_group_rules'] ?? []) as Document[],
})

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

function idOf({ params }: AnyCall): string {
  const id = params['id'] ?? ''
  if (!UUID.test(id)) throw badRequest('Security group id should be uuid')
  return id
}

export function securityGroupProxies({ passThrough, config }: Services): readonly Route[] {
  const ask = (call: AnyCall, request: Omit<PassedRequest, 'service'>) =>
    refusing(passThrough.ask({ service: 'network', ...request }, call), {
      SecurityGroupInUse: ['badRequest'],
      OverQuota: ['forbidden'],
      SecurityGroupDefaultAlreadyExists: ['forbidden'],
      conflict: ['badRequest'],
    })
  const groups = async (
    call: AnyCall,
    filter: Readonly<Record<string, string>>,
  ): Promise<SecurityGroup[]> => {
    const path = `security-groups?${new URLSearchParams(filter).toString()}`
    const found = (await ask(call, { method: 'GET', path }))['security_groups'] as Document[]
    return found.map(groupOf)
  }
  /** With the names of the groups that its rules speak of. */
  const shown = async (call: AnyCall, group: SecurityGroup) => {
    const speaksOfOthers = group.rules.some(
      ({ remote_group_id: other }) => other != null && other !== group.id,
    )
    const known = speaksOfOthers ? await groups(call, { project_id: group.projectId }) : [group]
    return groupView(group, new Map(known.map((each) => [each.id, each])))
  }
  const write = async (call: AnyCall, method: 'POST' | 'PUT', path: string, wish: object) =>
    groupOf((await ask(call, { method, path, json: { security_group: wish } }))['security_group'] as Document)
  const find = async (call: AnyCall, id: string): Promise<SecurityGroup> =>
    groupOf((await ask(call, { method: 'GET', path: `security-groups/${id}` }))['security_group'] as Document)
  const of = (path: string, rule: string, more: object = {}) => ({
    ...ENDED,
    path,
    policy: `${RULE}:${rule}`,
    ...more,
  })

  return [
    serve(operation({ ...of('GET /os-security-groups', 'get'), query: listQuery }), async (call) => {
      const everybodys = call.isAdmin && (call.query.all_tenants?.at(-1) ?? '') !== ''
      const found = await groups(call, everybodys ? {} : { project_id: call.context.projectId ?? '' })
      const known = new Map(found.map((group) => [group.id, group]))
      const page = limited(found, call.query, config.maxLimit)
      return { body: { security_groups: page.map((group) => groupView(group, known)) } }
    }),
    serve(operation({ ...of('GET /os-security-groups/{id}', 'show'), query: anyQuery }), async (call) => ({
      body: { security_group: await shown(call, await find(call, idOf(call))) },
    })),
    serve(operation({ ...of('POST /os-security-groups', 'create'), body: groupBody }), async (call) => {
      const { name, description } = call.body.security_group
      const made = await write(call, 'POST', 'security-groups', { name, description })
      return { body: { security_group: await shown(call, made) } }
    }),
    serve(operation({ ...of('PUT /os-security-groups/{id}', 'update'), body: groupBody }), async (call) => {
      const { name, description } = call.body.security_group
      const made = await write(call, 'PUT', `security-groups/${idOf(call)}`, { name, description })
      return { body: { security_group: await shown(call, made) } }
    }),
    serve(operation(of('DELETE /os-security-groups/{id}', 'delete', { status: 202 })), async (call) => {
      await ask(call, { method: 'DELETE', path: `security-groups/${idOf(call)}` })
      return {}
    }),
    serve(
      operation({ ...of('POST /os-security-group-rules', 'rule:create'), body: ruleBody }),
      async (call) => {
        const wish: RuleWish = call.body.security_group_rule
        const json = { security_group_rule: neutronRuleOf(wish) }
        const group = await find(call, wish.parent_group_id)
        const made = await addRule(
          () => ask(call, { method: 'POST', path: 'security-group-rules', json }),
          group,
        )
        const known = wish.group_id ? await groups(call, { id: wish.group_id }) : []
        const view = ruleView(made, group, new Map([group, ...known].map((each) => [each.id, each])))
        return { body: { security_group_rule: view } }
      },
    ),
    serve(
      operation(of('DELETE /os-security-group-rules/{id}', 'rule:delete', { status: 202 })),
      async (call) => {
        await ask(call, { method: 'DELETE', path: `security-group-rules/${idOf(call)}` })
        return {}
      },
    ),
  ]
}

async function addRule(add: () => Promise<Document>, { id }: SecurityGroup): Promise<Document> {
  try {
    return (await add())['security_group_rule'] as Document
  } catch (error) {
    const cause = isFault(error) && error.cause instanceof Fault ? error.cause : undefined
    if (cause?.code !== 'SecurityGroupRuleExists') throw error
    throw badRequest(`This rule already exists in group ${id}`, { cause: error })
  }
}
