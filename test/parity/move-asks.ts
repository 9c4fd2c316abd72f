/** Requests for what moves servers between hosts, and for the moves themselves, of which some are put in the store as they were. */
import { randomUUID } from 'node:crypto'
import { type Database } from '#db/kit/index.ts'
import { insertMigration, type NewMigration, updateMigration } from '#db/instance-migrations.ts'
import { updateInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { eventually } from '../eventually.ts'
import type { Ask, Ground, Make } from './cloud-asks.ts'

const minor = (at: string): number => Number(at.split('.')[1])
const header = (at: string) => ({ 'openstack-api-version': `compute ${at}` })

export interface Movers {
  readonly ground: Ground
  readonly store: Database
  /** A new active server. */
  readonly makeServer: () => Promise<string>
}

export function moveAsks(movers: Movers, make: Make): Ask[] {
  return [...evacuateAsks(movers, make), liveMigrateAsk(movers, make), ...migrationAsks(movers, make)]
}

async function hostOf({ ground: { clients } }: Movers, server: string): Promise<string> {
  const shown = await clients.admin.ok('compute', 'GET', `/servers/${server}`)
  return shown.server['OS-EXT-SRV-ATTR:host']
}

/** Waits until it is active on another host. */
const away = (movers: Movers, server: string, from: string): Promise<boolean> =>
  eventually(
    async () => {
      const { server: shown } = await movers.ground.clients.admin.ok('compute', 'GET', `/servers/${server}`)
      const isIdle = shown.status === 'ACTIVE' && shown['OS-EXT-STS:task_state'] === null
      return isIdle && shown['OS-EXT-SRV-ATTR:host'] !== from
    },
    { what: `a server away from ${from}` },
  )

const other = (host: string): string => (host === 'fake-1' ? 'fake-2' : 'fake-1')

/** To a host that is named, and to one that is found: from one that is said to be down. */
function evacuateAsks(movers: Movers, make: Make): Ask[] {
  const { admin, demo } = movers.ground.clients
  const forceDown = async (host: string, forced: boolean) => {
    const wish = { host, binary: 'nova-compute', forced_down: forced }
    await admin.ok('compute', 'PUT', '/os-services/force-down', wish, header('2.11'))
  }
  const evacuate = async (at: string, isNamed: boolean) => {
    const server = await movers.makeServer()
    const host = await hostOf(movers, server)
    await forceDown(host, true)
    const wish = {
      ...(isNamed && { host: other(host) }),
      ...(minor(at) < 14 && { onSharedStorage: false }),
      adminPass: 'MySecretPass',
    }
    const path = `/servers/${server}/action`
    const answer = await admin.call('compute', 'POST', path, { evacuate: wish }, header(at))
    // Since 2.95 it is stopped where it comes to.
    if (answer.status < 300 && minor(at) < 95) await away(movers, server, host)
    else await eventually(async () => (await hostOf(movers, server)) !== host, { what: 'an evacuation' })
    await forceDown(host, false)
    await demo.call('compute', 'DELETE', `/servers/${server}`)
    return answer
  }
  const ask = make('POST /servers/{id}/action#evacuate', '')
  return [true, false].map((isNamed): Ask => ({ ...ask, send: (at) => evacuate(at, isNamed) }))
}

function liveMigrateAsk(movers: Movers, make: Make): Ask {
  const { admin, demo } = movers.ground.clients
  return {
    ...make('POST /servers/{id}/action#os-migrateLive', ''),
    async send(at) {
      const server = await movers.makeServer()
      const host = await hostOf(movers, server)
      const how =
        minor(at) < 25 ? { block_migration: false, disk_over_commit: false } : { block_migration: 'auto' }
      const body = { 'os-migrateLive': { host: other(host), ...how } }
      const answer = await admin.call('compute', 'POST', `/servers/${server}/action`, body, header(at))
      await away(movers, server, host)
      await demo.call('compute', 'DELETE', `/servers/${server}`)
      return answer
    },
  }
}

/** Four of one server, as in the samples, from the first to the last. */
const KINDS = [
  { migrationType: 'live-migration', status: 'running' },
  { migrationType: 'live-migration', status: 'error' },
  { migrationType: 'resize', status: 'error' },
  { migrationType: 'resize', status: 'migrating' },
] as const

function migrationAsks(movers: Movers, make: Make): Ask[] {
  const { clients } = movers.ground
  const db = movers.store.typed<NovaDb>()
  const began = Date.UTC(2020, 0, 1)
  const DAY = 86_400_000
  const day = (number: number): string => new Date(began + number * DAY - 1000).toISOString().slice(0, 19)
  const insert = async (instanceUuid: string, kind: Partial<NewMigration>, now: number) => {
    const who = { userId: randomUUID(), projectId: clients.demo.projectId }
    const from = { sourceCompute: 'fake-1', sourceNode: 'fake-1' }
    const to = { destCompute: 'fake-2', destNode: 'fake-2', destHost: '192.0.2.1' }
    const wish = { uuid: randomUUID(), instanceUuid, ...who, ...from, ...to }
    const made = await insertMigration(db, { ...wish, ...KINDS[0], ...kind }, { now })
    await updateMigration(db, made.uuid, {}, { now })
    return made
  }
  let made: Promise<{ server: string; uuids: string[]; live: string }> | undefined
  const seed = async () => {
    const server = await movers.makeServer()
    const uuids: string[] = []
    let live = ''
    for (const [index, kind] of KINDS.entries()) {
      const { uuid, id } = await insert(server, kind, began + index * DAY)
      uuids.push(uuid)
      if (index === 0) live = String(id)
    }
    return { server, uuids, live }
  }
  const seeded = () => (made ??= seed())
  const list = (since: number, tail: (uuids: readonly string[]) => string): Ask => ({
    ...make('GET /os-migrations', ''),
    async send(at) {
      const { server, uuids } = await seeded()
      const more = minor(at) < since ? '' : tail(uuids)
      const path = `/os-migrations?instance_uuid=${server}${more}`
      return clients.admin.call('compute', 'GET', path, undefined, header(at))
    },
  })
  const route = '/servers/{server_id}/migrations'
  const show = (tail: '' | '/{id}'): Ask => ({
    ...make(`GET ${route}${tail}`, ''),
    async send(at) {
      const { server, live } = await seeded()
      const path = `/servers/${server}/migrations${tail === '' ? '' : `/${live}`}`
      return clients.admin.call('compute', 'GET', path, undefined, header(at))
    },
  })
  /** Of a live migration under way, which nobody but the store knows of. */
  const underWay = (asked: string, method: string, tail: string, body?: unknown): Ask => ({
    ...make(asked, ''),
    async send(at) {
      const { server } = await seeded()
      const { id, uuid } = await insert(server, {}, began)
      await updateInstance(db, server, { taskState: 'migrating' }, { now: Date.now() })
      const path = `/servers/${server}/migrations/${id}${tail}`
      const answer = await clients.admin.call('compute', method, path, body, header(at))
      await updateInstance(db, server, { taskState: null }, { now: Date.now() })
      await updateMigration(db, uuid, { status: 'cancelled' }, { now: began })
      return answer
    },
  })
  return [
    list(1, () => ''),
    list(59, () => '&limit=1'),
    list(59, (uuids) => `&marker=${uuids[1]}`),
    list(59, () => `&changes-since=${day(2)}`),
    list(66, () => `&changes-before=${day(1)}`),
    show(''),
    show('/{id}'),
    underWay(`DELETE ${route}/{id}`, 'DELETE', ''),
    underWay(`POST ${route}/{id}/action#force_complete`, 'POST', '/action', { force_complete: null }),
  ]
}
