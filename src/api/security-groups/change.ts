/** A security group is put on all of a server's ports, or taken off them, with the caller's own rights at Neutron. */
import { getServer } from '#api/instances/index.ts'
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict, isFault, notFound } from '#lib/fault.ts'
import { object, operation, required, t } from '#lib/versioned/index.ts'
import type { SecurityGroup } from '#neighbours/networks/port.ts'

const RULE = 'os_compute_api:os-security-groups'
const named = required(object({ name: required(t.string({ minLength: 1 })) }))
const PATH = { path: 'POST /servers/{id}/action', status: 202 } as const
const additional = { additional: true } as const

const addGroup = operation({
  ...PATH,
  action: 'addSecurityGroup',
  body: object({ addSecurityGroup: named }, additional),
})
const removeGroup = operation({
  ...PATH,
  action: 'removeSecurityGroup',
  body: object({ removeSecurityGroup: named }, additional),
})

type AnyCall = Call<unknown, unknown, never>

export const changeSecurityGroupRoutes = (services: Services): readonly Route[] => [
  serve(addGroup, async (call) => {
    await change(call, services, 'add', call.body.addSecurityGroup.name)
    return {}
  }),
  serve(removeGroup, async (call) => {
    await change(call, services, 'remove', call.body.removeSecurityGroup.name)
    return {}
  }),
]

async function change(
  call: AnyCall,
  services: Services,
  verb: 'add' | 'remove',
  name: string,
): Promise<void> {
  const { uuid } = await getServer(call, services, `${RULE}:${verb}`)
  const group = await groupOf(call, services, name)
  const ports = await services.networks.ports(uuid)
  if (ports.length === 0) throw badRequest(`instance_id ${uuid} could not be found as device id on any ports`)
  const having = ports.filter(({ securityGroupIds }) => securityGroupIds.includes(group.id))
  if (verb === 'remove' && having.length === 0)
    throw notFound(`Security group ${name} not associated with the instance ${uuid}`)
  // Whether a port that has the group may be given it again is for Neutron to say: it may not.
  for (const { id, securityGroupIds } of verb === 'add' ? ports : having) {
    const others = securityGroupIds.filter((other) => other !== group.id)
    const json = { port: { security_groups: verb === 'add' ? [...securityGroupIds, group.id] : others } }
    await unlessGone(
      services.passThrough.ask({ service: 'network', method: 'PUT', path: `ports/${id}`, json }, call),
    )
  }
  await modifyInstance(services.db.typed<NovaDb>(), uuid, { now: services.clock.now() }, (instance) => {
    const others = instance.securityGroups.filter((other) => other !== group.name)
    return { securityGroups: verb === 'add' ? [...others, group.name] : others }
  })
}

/** A port that was detached meanwhile has no groups to change. */
async function unlessGone(request: Promise<unknown>): Promise<void> {
  try {
    await request
  } catch (error) {
    if (!isFault(error, 'notFound')) throw error
  }
}

/** By name or id, of the caller's own. */
async function groupOf(call: AnyCall, { networks }: Services, name: string): Promise<SecurityGroup> {
  const caller = { token: call.token, projectId: call.context.projectId ?? '' }
  const [group, other] = await networks.securityGroups(caller, { ids: [name], names: [name] })
  if (!group) throw notFound(`Security group ${name} is not found for project ${caller.projectId}`)
  if (other)
    throw conflict(`Multiple security groups found matching '${name}'. Use an ID to be more specific.`)
  return group
}
