/** Snapshots: made of a volume, listed, shown, changed, deleted. */
import { badRequest } from '#lib/fault.ts'
import { requireAdmin, requireWriter } from '../caller.ts'
import { countOf, pageOf } from '../list-query.ts'
import { requireQuota } from '../quotas.ts'
import { findVolumeRow, listSnapshotRows } from '../store.ts'
import type { SnapshotRow } from '../tables.ts'
import { briefSnapshot, fullSnapshot, textsOf } from '../views.ts'
import {
  bodyOf,
  type Call,
  flagOf,
  isEverybodys,
  isObject,
  metadataOf,
  type Reply,
  type Routes,
  seeSnapshot,
  seeVolume,
  textOf,
} from './context.ts'

const MOST_WAITED_MS = 2_000

export function addSnapshotRoutes(routes: Routes): void {
  const { on } = routes
  on('POST', '/snapshots', (call) => create(routes, call))
  on('GET', '/snapshots', (call) => list(routes, call, briefSnapshot))
  on('GET', '/snapshots/detail', (call) => list(routes, call, fullSnapshot))
  on('GET', '/snapshots/:id', async (call) => ({
    body: { snapshot: fullSnapshot(await seeSnapshot(routes, call, call.params['id'] ?? '')) },
  }))
  on('PUT', '/snapshots/:id', async (call) => {
    const body = bodyOf(call, 'snapshot')
    const has = (field: string) => Object.hasOwn(body, field)
    const row = await change(routes, call, {
      ...(has('name') && { name: textOf(body, 'name') }),
      ...(has('description') && { description: textOf(body, 'description') }),
    })
    return { body: { snapshot: briefSnapshot(row) } }
  })
  on('DELETE', '/snapshots/:id', (call) => remove(routes, call, ['available', 'error']))
  on('GET', '/snapshots/:id/metadata', async (call) => {
    const { metadata } = await seeSnapshot(routes, call, call.params['id'] ?? '')
    return { body: { metadata: textsOf(metadata) } }
  })
  on('POST', '/snapshots/:id/metadata', async (call) => {
    const { metadata } = await seeSnapshot(routes, call, call.params['id'] ?? '')
    const all = { ...textsOf(metadata), ...metadataOf(isObject(call.body) ? call.body : {}) }
    await change(routes, call, { metadata: JSON.stringify(all) })
    return { body: { metadata: all } }
  })
  on('DELETE', '/snapshots/:id/metadata/:key', async (call) => {
    const { metadata } = await seeSnapshot(routes, call, call.params['id'] ?? '')
    const { [call.params['key'] ?? '']: _gone, ...rest } = textsOf(metadata)
    await change(routes, call, { metadata: JSON.stringify(rest) })
    return {}
  })
  on('POST', '/snapshots/:id/action', async (call) => {
    const [name = '', args] = isObject(call.body) ? (Object.entries(call.body)[0] ?? []) : []
    requireAdmin(call.caller, `volume_extension:snapshot_admin_actions:${name.slice(0, 64)}`)
    if (name === 'os-force_delete') return remove(routes, call, undefined)
    if (name !== 'os-reset_status') throw badRequest(`There is no such action: ${name.slice(0, 64)}`)
    await change(routes, call, { status: textOf(isObject(args) ? args : {}, 'status') ?? 'error' })
    return { status: 202 }
  })
}

async function change(routes: Routes, call: Call, changes: Partial<SnapshotRow>): Promise<SnapshotRow> {
  requireWriter(call.caller, 'volume:update_snapshot')
  const { id } = await seeSnapshot(routes, call, call.params['id'] ?? '')
  const { store, clock } = routes
  await store.db
    .updateTable('cinder_snapshot')
    .set({ ...changes, updated_at: clock.now() })
    .where('id', '=', id)
    .execute()
  return seeSnapshot(routes, call, id)
}

async function create(routes: Routes, call: Call): Promise<Reply> {
  const { caller } = call
  requireWriter(caller, 'volume:create_snapshot')
  const body = bodyOf(call, 'snapshot')
  const volumeId = textOf(body, 'volume_id')
  if (volumeId === null)
    throw badRequest("Invalid input for field/attribute snapshot. 'volume_id' is a required property")
  const { row: volume } = await seeVolume(routes, call, volumeId)
  const row: SnapshotRow = {
    id: routes.ids.uuid(),
    project_id: volume.project_id,
    user_id: caller.userId,
    volume_id: volume.id,
    name: textOf(body, 'name') ?? textOf(body, 'display_name'),
    description: textOf(body, 'description') ?? textOf(body, 'display_description'),
    status: 'creating',
    size: volume.size,
    metadata: JSON.stringify(metadataOf(body)),
    created_at: routes.clock.now(),
    updated_at: null,
  }
  const force = flagOf(body, 'force')
  await routes.store.transaction(async (trx) => {
    const status = (await findVolumeRow(trx, volume.id))?.status ?? 'deleted'
    if (status !== 'available' && !(force && status === 'in-use'))
      throw badRequest(
        `Invalid volume: Volume ${volume.id} status must be available, but current status is: ${status}.`,
      )
    await requireQuota(trx, volume.project_id, 'snapshots', volume.size)
    await trx.insertInto('cinder_snapshot').values(row).execute()
  })
  routes.work.makeSnapshot(row)
  return { status: 202, body: { snapshot: briefSnapshot(row) } }
}

/** Most snapshots are made in an instant: a request that comes sooner waits for that, not for ever. */
async function made(routes: Routes, call: Call): Promise<SnapshotRow> {
  const row = await seeSnapshot(routes, call, call.params['id'] ?? '')
  if (row.status !== 'creating') return row
  await routes.work.settled(row.id, MOST_WAITED_MS)
  return seeSnapshot(routes, call, row.id)
}

/** `from`: the statuses in which it may go; any when left out. */
async function remove(routes: Routes, call: Call, from: readonly string[] | undefined): Promise<Reply> {
  requireWriter(call.caller, 'volume:delete_snapshot')
  const row = await made(routes, call)
  if (from && !from.includes(row.status))
    throw badRequest(
      `Invalid snapshot: Snapshot status must be available or error, but current status is: ${row.status}.`,
    )
  await routes.store.db
    .updateTable('cinder_snapshot')
    .set({ status: 'deleting', updated_at: routes.clock.now() })
    .where('id', '=', row.id)
    .execute()
  routes.work.removeSnapshot(row.id)
  return { status: 202 }
}

const FILTERS = {
  name: (row: SnapshotRow) => row.name,
  status: (row: SnapshotRow) => row.status,
  volume_id: (row: SnapshotRow) => row.volume_id,
  id: (row: SnapshotRow) => row.id,
  project_id: (row: SnapshotRow) => row.project_id,
}

async function list({ store }: Routes, call: Call, show: (row: SnapshotRow) => object): Promise<Reply> {
  const { caller, query, view } = call
  const page = pageOf(
    await listSnapshotRows(store.db, isEverybodys(call) ? undefined : caller.projectId),
    query,
    FILTERS,
  )
  const path = `/v3/${caller.projectId}/snapshots${show === fullSnapshot ? '/detail' : ''}`
  return {
    body: {
      snapshots: page.rows.map(show),
      ...countOf(call, page.total),
      ...(page.next !== undefined && {
        snapshots_links: [
          {
            rel: 'next',
            href: `${view.selfUrl}${path}?${new URLSearchParams({ ...query, marker: page.next }).toString()}`,
          },
        ],
      }),
    },
  }
}
