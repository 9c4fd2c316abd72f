/** Changes what a server says of itself: name, description, addresses, host name, pinned zone. */
import { getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { type InstanceChanges, modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { conflict } from '#lib/fault.ts'
import { canonicalIp } from '#lib/ip.ts'
import type { Accepted } from '#lib/versioned/index.ts'
import type { Instance } from '#model/instance/index.ts'
import type { updateServer } from './change.spec.ts'
import { renderServer } from './list.ts'
import { withPinnedZone } from './notes.ts'
import { changedServer } from './server.view.ts'

type Body = Accepted<NonNullable<(typeof updateServer)['spec']['body']>>

export async function update(call: Call<Body, unknown, never>, services: Services): Promise<Answer> {
  const { uuid } = await getServer(call, services, 'os_compute_api:servers:update')
  const options = { now: services.clock.now() }
  const instance = await modifyInstance(services.db.typed<NovaDb>(), uuid, options, (current) =>
    changesOf(call.body.server, current),
  )
  return { body: { server: await renderServer(call, services, instance, changedServer) } }
}

function changesOf(sent: Body['server'], current: Instance): InstanceChanges {
  const diskConfig = sent['OS-DCF:diskConfig']
  const zone = sent.pinned_availability_zone
  return {
    ...(sent.name !== undefined && { displayName: sent.name.trim() }),
    ...(sent.description !== undefined && { displayDescription: sent.description }),
    ...(sent.hostname !== undefined && { hostname: sent.hostname }),
    ...(sent.accessIPv4 !== undefined && { accessIpV4: sent.accessIPv4 }),
    ...(sent.accessIPv6 !== undefined && { accessIpV6: canonicalIp(sent.accessIPv6) }),
    ...(diskConfig !== undefined && { autoDiskConfig: diskConfig === 'AUTO' }),
    ...(zone !== undefined && { systemMetadata: pin(current, zone) }),
  }
}

/** Null unpins; a server can be pinned only where it is. */
function pin(current: Instance, zone: string | null) {
  if (zone !== null && zone !== current.availabilityZone) {
    const where = current.availabilityZone ?? 'none'
    throw conflict(`Cannot pin instance ${current.uuid} to availability zone ${zone}: it is in ${where}.`)
  }
  return withPinnedZone(current, zone)
}
