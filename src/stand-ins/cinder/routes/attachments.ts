/** Attachments: a volume reserved for an instance, told its host, in use, and free again. */
import { badRequest, notFound } from '#lib/fault.ts'
import { requireWriter } from '../caller.ts'
import { noAttachment } from '../faults.ts'
import {
  findAttachmentRow,
  findVolumeRow,
  listAttachmentRows,
  listVolumeRows,
  settleVolume,
  updateVolume,
} from '../store.ts'
import type { AttachmentRow } from '../tables.ts'
import { briefAttachment, fullAttachment } from '../views.ts'
import { bodyOf, type Call, isObject, type Reply, type Routes, seeVolume, textOf } from './context.ts'

/** Before this microversion there are no attachments of their own, before that none is completed. */
const SINCE = 27
const COMPLETED_SINCE = 44

export function addAttachmentRoutes(routes: Routes): void {
  const { store, clock } = routes
  const on: Routes['on'] = (method, path, handle) =>
    routes.on(method, path, (call) => {
      if (call.caller.minor < SINCE) throw notFound('The resource could not be found.')
      return handle(call)
    })
  on('POST', '/attachments', (call) => create(routes, call))
  on('GET', '/attachments', (call) => list(routes, call, briefAttachment))
  on('GET', '/attachments/detail', (call) => list(routes, call, fullAttachment))
  on('GET', '/attachments/:id', async (call) => ({
    body: { attachment: fullAttachment(await see(routes, call)) },
  }))
  on('PUT', '/attachments/:id', async (call) => {
    requireWriter(call.caller, 'volume:attachment_update')
    const row = await see(routes, call)
    const { connector } = bodyOf(call, 'attachment')
    if (!isObject(connector))
      throw badRequest("Invalid input for field/attribute attachment. 'connector' is a required property")
    const changed = await connect(routes, row, connector)
    return { body: { attachment: fullAttachment(changed) } }
  })
  on('DELETE', '/attachments/:id', async (call) => {
    requireWriter(call.caller, 'volume:attachment_delete')
    const row = await see(routes, call)
    const left = await store.transaction(async (trx) => {
      await trx.deleteFrom('cinder_attachment').where('id', '=', row.id).execute()
      await settleVolume(trx, row.volume_id, clock.now())
      return listAttachmentRows(trx, [row.volume_id])
    })
    return { body: { attachments: left.map(briefAttachment) } }
  })
  on('POST', '/attachments/:id/action', async (call) => {
    if (call.caller.minor < COMPLETED_SINCE || !isObject(call.body) || !('os-complete' in call.body))
      throw badRequest('There is no such action')
    requireWriter(call.caller, 'volume:attachment_complete')
    const row = await see(routes, call)
    await store.transaction(async (trx) => {
      const now = clock.now()
      await trx
        .updateTable('cinder_attachment')
        .set({ status: 'attached', attached_at: now })
        .where('id', '=', row.id)
        .execute()
      await settleVolume(trx, row.volume_id, now)
    })
    return { status: 204 }
  })
}

async function see(routes: Routes, call: Call): Promise<AttachmentRow> {
  const id = call.params['id'] ?? ''
  const row = await findAttachmentRow(routes.store.db, id)
  if (!row) throw noAttachment(id)
  await seeVolume(routes, call, row.volume_id)
  return row
}

async function create(routes: Routes, call: Call): Promise<Reply> {
  requireWriter(call.caller, 'volume:attachment_create')
  const { store, ids, clock } = routes
  const body = bodyOf(call, 'attachment')
  const volumeId = textOf(body, 'volume_uuid')
  if (volumeId === null)
    throw badRequest("Invalid input for field/attribute attachment. 'volume_uuid' is a required property")
  const { row: volume } = await seeVolume(routes, call, volumeId)
  const instance = textOf(body, 'instance_uuid')
  const connector = isObject(body['connector']) ? body['connector'] : undefined
  const row: AttachmentRow = {
    id: ids.uuid(),
    volume_id: volume.id,
    instance_id: instance,
    status: 'reserved',
    attach_mode: textOf(body, 'mode'),
    host: null,
    mountpoint: null,
    connection_info: '{}',
    attached_at: null,
    created_at: clock.now(),
  }
  await store.transaction(async (trx) => {
    const now = await findVolumeRow(trx, volume.id)
    const others = await listAttachmentRows(trx, [volume.id])
    const status = now?.status ?? 'deleted'
    // An instance may reserve a volume again: moving it takes two attachments.
    const own = others.some((other) => instance !== null && other.instance_id === instance)
    const shared = now?.multiattach === 1 && ['reserved', 'attaching', 'in-use'].includes(status)
    if (!['available', 'downloading'].includes(status) && !own && !shared)
      throw badRequest(
        `Invalid volume: Volume ${volume.id} status must be available or downloading to reserve, but the current status is ${status}.`,
      )
    await trx.insertInto('cinder_attachment').values(row).execute()
    // One more does not make less of a volume that is in use.
    if (others.length === 0) await updateVolume(trx, volume.id, { status: 'reserved' }, clock.now())
  })
  const made = connector ? await connect(routes, row, connector) : row
  return { body: { attachment: fullAttachment(made) } }
}

/** The host is known: it finds the volume's file where all files are. */
async function connect(
  { store, files, clock }: Routes,
  row: AttachmentRow,
  connector: Readonly<Record<string, unknown>>,
): Promise<AttachmentRow> {
  const connection = {
    driver_volume_type: 'local',
    device_path: files.pathOf(row.volume_id),
    format: 'raw',
    volume_id: row.volume_id,
    attachment_id: row.id,
    access_mode: 'rw',
    encrypted: false,
    cacheable: false,
    qos_specs: null,
  }
  const changes = {
    host: textOf(connector, 'host'),
    mountpoint: textOf(connector, 'mountpoint'),
    attach_mode: row.attach_mode ?? 'rw',
    connection_info: JSON.stringify(connection),
    status: row.status === 'attached' ? 'attached' : 'attaching',
  }
  await store.transaction(async (trx) => {
    await trx.updateTable('cinder_attachment').set(changes).where('id', '=', row.id).execute()
    await settleVolume(trx, row.volume_id, clock.now())
  })
  return { ...row, ...changes }
}

async function list(
  { store }: Routes,
  { caller, query }: Call,
  show: (row: AttachmentRow) => object,
): Promise<Reply> {
  const everybodys =
    caller.isAdmin && !['', '0', 'false', 'no'].includes((query['all_tenants'] ?? '').toLowerCase())
  const volumes = await listVolumeRows(store.db, everybodys ? undefined : caller.projectId)
  const rows = await listAttachmentRows(
    store.db,
    volumes.map(({ id }) => id),
  )
  const { volume_id: volume, instance_id: instance, status } = query
  const wanted = rows.filter(
    (row) =>
      (volume === undefined || row.volume_id === volume) &&
      (instance === undefined || row.instance_id === instance) &&
      (status === undefined || row.status === status),
  )
  return { body: { attachments: wanted.map(show) } }
}
