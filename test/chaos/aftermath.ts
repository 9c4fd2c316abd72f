/** What is left when troubles are over: whether everything settled, and whether anything was lost or leaked. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import { POWER_STATES } from '#model/instance/index.ts'
import type { CloudClient } from '../cloud-client.ts'
import { remains } from '../end-to-end/cloud-process.ts'
import type { Ledger } from './clients.ts'

export interface Server {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly fault?: { readonly message: string }
  readonly 'OS-EXT-STS:task_state': string | null
  readonly 'OS-EXT-SRV-ATTR:host': string | null
}

export interface Scene {
  readonly admin: CloudClient
  /** Nova's database. */
  readonly db: Client
  readonly stateDir: string
  readonly ledger: Ledger
}

export const serversOf = async ({ admin }: Scene): Promise<Server[]> =>
  ((await admin.ok('compute', 'GET', '/servers/detail?all_tenants=1&limit=1000')) as { servers: Server[] })
    .servers

const RESTING: readonly string[] = ['ACTIVE', 'SHUTOFF', 'ERROR']

/** What is not settled yet: servers under way, operations that live. */
export async function restlessness(scene: Scene): Promise<string[]> {
  const servers = await serversOf(scene)
  const { rows } = await scene.db.query<{ saga: string; instance_uuid: string }>(
    "select saga, instance_uuid from operations where status = 'live'",
  )
  return [
    ...servers
      .filter((server) => !RESTING.includes(server.status) || server['OS-EXT-STS:task_state'] !== null)
      .map((server) => `${server.id} is ${server.status} (${server['OS-EXT-STS:task_state']})`),
    ...servers
      .filter(({ id }) => scene.ledger.deleted.has(id))
      .map(({ id, status }) => `${id} was to be deleted and is ${status}`),
    ...rows.map((row) => `${row.saga} works on ${row.instance_uuid}`),
  ]
}

/** One line for each thing that is there and should not be, or is not and should. */
export async function wrongs(scene: Scene): Promise<string[]> {
  const servers = await serversOf(scene)
  const known = new Set(servers.map(({ id }) => id))
  const placed = new Set(servers.filter((each) => each['OS-EXT-SRV-ATTR:host'] !== null).map(({ id }) => id))
  const { ports } = (await scene.admin.ok('network', 'GET', '/ports')) as {
    ports: { id: string; device_id: string; device_owner: string }[]
  }
  const guestPorts = ports.filter((port) => port.device_owner.startsWith('compute:'))
  const havePorts = new Set(guestPorts.map((port) => port.device_id))
  const allocations = await consumersOf(scene.admin)
  const guests = guestsOf(scene.stateDir)
  const hosts = new Map(guests.map(({ id, host }) => [id, host]))
  const standing = servers.filter(({ status }) => status === 'ACTIVE' || status === 'SHUTOFF')
  return [
    ...[...scene.ledger.created]
      .filter((id) => !known.has(id) && !scene.ledger.unwanted.has(id))
      .map((id) => `${id} was accepted and is lost`),
    ...servers
      .filter(({ status, fault }) => status === 'ERROR' && !fault?.message)
      .map(({ id }) => `${id} is in ERROR without a reason`),
    ...[...allocations.keys()]
      .filter((id) => !placed.has(id))
      .map((id) => `allocation of ${id}, which is on no host`),
    ...[...allocations]
      .filter(([, count]) => count > 1)
      .map(([id]) => `allocations of ${id} on several hosts`),
    ...standing
      .filter(({ id }) => !allocations.has(id))
      .map(({ id }) => `${id} stands without an allocation`),
    ...guestPorts
      .filter(({ device_id: id }) => !known.has(id))
      .map((port) => `port ${port.id} of ${port.device_id}, which is gone`),
    ...standing.filter(({ id }) => !havePorts.has(id)).map(({ id }) => `${id} stands without a port`),
    ...standing
      .filter((server) => hosts.get(server.id) !== server['OS-EXT-SRV-ATTR:host'])
      .map(
        (server) =>
          `${server.id} has its guest on ${hosts.get(server.id)}, not on ${server['OS-EXT-SRV-ATTR:host']}`,
      ),
    ...guests
      .filter(({ id }) => !known.has(id))
      .map(({ id, host }) => `guest ${id} on ${host}, which is gone`),
    ...guests
      .filter(({ id }, at) => guests.findIndex((other) => other.id === id) !== at)
      .map(({ id }) => `guest ${id} is there twice`),
  ]
}

/** Consumers of all providers, with on how many each is. */
export async function consumersOf(admin: CloudClient): Promise<Map<string, number>> {
  const { resource_providers: providers } = (await admin.ok('placement', 'GET', '/resource_providers')) as {
    resource_providers: { uuid: string }[]
  }
  const counts = new Map<string, number>()
  for (const { uuid } of providers) {
    const path = `/resource_providers/${uuid}/allocations`
    const { allocations } = (await admin.ok('placement', 'GET', path)) as { allocations: object }
    for (const consumer of Object.keys(allocations)) counts.set(consumer, (counts.get(consumer) ?? 0) + 1)
  }
  return counts
}

/** Every guest there is: simulated ones are lines in their host's file, real ones have a directory. */
export function guestsOf(
  stateDir: string,
): { readonly id: string; readonly host: string; readonly isRunning: boolean }[] {
  const computes = join(stateDir, 'computes')
  return readdirSync(computes).flatMap((host) => [
    ...[...simulatedGuests(join(computes, host))].map(([id, isRunning]) => ({ id, host, isRunning })),
    ...remains(join(computes, host)).guestDirs.map((id) => ({ id, host, isRunning: true })),
  ])
}

/** By id, whether it runs. */
function simulatedGuests(folder: string): ReadonlyMap<string, boolean> {
  const guests = new Map<string, boolean>()
  for (const file of filesUnder(folder).filter((name) => name.endsWith('.jsonl'))) {
    for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
      const entry = JSON.parse(line) as { guest?: { uuid: string; powerState: number }; gone?: string }
      if (entry.guest) guests.set(entry.guest.uuid, entry.guest.powerState === POWER_STATES.running)
      if (entry.gone !== undefined) guests.delete(entry.gone)
    }
  }
  return guests
}

const filesUnder = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
    : []
