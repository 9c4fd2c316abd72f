/** Compares what a cloud says it has with what is there: guests, directories, taps, ports, allocations. */
import { login } from '../cloud-client.ts'
import { remains } from '../end-to-end/cloud-process.ts'

interface ServerRow {
  readonly id: string
  readonly status: string
  readonly 'OS-EXT-SRV-ATTR:host': string | null
}

/** One line for each thing that is there and should not be, or the other way round. */
export async function leaksOf(stateDir: string, tapsBefore: ReadonlySet<string>): Promise<string[]> {
  const admin = await login(stateDir, 'kilonova-admin')
  const { servers } = (await admin.ok('compute', 'GET', '/servers/detail?all_tenants=1')) as {
    servers: ServerRow[]
  }
  const { ports } = (await admin.ok('network', 'GET', '/ports')) as {
    ports: { id: string; device_id: string; device_owner: string }[]
  }
  const guestPorts = ports.filter((port) => port.device_owner.startsWith('compute:'))
  const known = new Set(servers.map((server) => server.id))
  const placed = new Set(
    servers.filter((server) => server['OS-EXT-SRV-ATTR:host'] !== null).map((server) => server.id),
  )
  const running = servers.filter((server) => server.status === 'ACTIVE').map((server) => server.id)
  const left = remains(stateDir)
  const isQemu = left.processes.length > 0 || left.guestDirs.length > 0
  const expectedTaps = new Set(guestPorts.map((port) => `tap${port.id.slice(0, 11)}`))
  const allocations = await consumers(admin)
  return [
    ...guestPorts
      .filter((port) => !known.has(port.device_id))
      .map((port) => `port ${port.id} of ${port.device_id}, which is gone`),
    ...[...allocations]
      .filter((id) => !placed.has(id))
      .map((id) => `allocation of ${id}, which is on no host`),
    ...running.filter((id) => !allocations.has(id)).map((id) => `${id} is ACTIVE without an allocation`),
    ...left.guestDirs.filter((id) => !known.has(id)).map((id) => `directory of ${id}, which is gone`),
    ...left.taps
      .filter((tap) => !tapsBefore.has(tap) && !expectedTaps.has(tap))
      .map((tap) => `${tap} belongs to no port`),
    ...left.processes
      .filter((line) => !running.some((id) => line.includes(id)))
      .map((line) => `guest that should not run: ${line}`),
    ...(isQemu && left.processes.length !== running.length
      ? [`${left.processes.length} guests run, ${running.length} servers are ACTIVE`]
      : []),
  ]
}

async function consumers(admin: Awaited<ReturnType<typeof login>>): Promise<Set<string>> {
  const { resource_providers: providers } = (await admin.ok('placement', 'GET', '/resource_providers')) as {
    resource_providers: { uuid: string }[]
  }
  const found = new Set<string>()
  for (const { uuid } of providers) {
    const { allocations } = (await admin.ok(
      'placement',
      'GET',
      `/resource_providers/${uuid}/allocations`,
    )) as { allocations: Record<string, unknown> }
    for (const consumer of Object.keys(allocations)) found.add(consumer)
  }
  return found
}
