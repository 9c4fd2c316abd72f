/** What is done to a volume beyond changing its names: removed, grown, marked. */
import { badRequest } from '#lib/fault.ts'
import { requireAdmin, requireWriter } from '../caller.ts'
import { noType } from '../faults.ts'
import { requireQuota } from '../quotas.ts'
import { findType, findVolumeRow, listAttachmentRows, updateVolume, type Volume } from '../store.ts'
import type { VolumeRow } from '../tables.ts'
import { textsOf } from '../views.ts'
import {
  type Call,
  flagOf,
  isObject,
  metadataOf,
  type Reply,
  type Routes,
  seeVolume,
  sizeOf,
  textOf,
} from './context.ts'
import { uploadImage } from './upload-image.ts'

const REMOVABLE = new Set(['available', 'error', 'error_restoring', 'error_extending', 'error_managing'])

/** Takes a volume away. Throws Cinder's 400 for one that is used. */
export async function removeVolume(
  { store, clock, work }: Routes,
  id: string,
  how: { cascade: boolean; force: boolean },
): Promise<void> {
  const snapshots = await store.transaction(async (trx) => {
    const row = await findVolumeRow(trx, id)
    if (!row || row.status === 'deleting') return []
    const own = await trx.selectFrom('cinder_snapshot').select('id').where('volume_id', '=', id).execute()
    const attached = (await listAttachmentRows(trx, [id])).length > 0
    const busy = attached || (own.length > 0 && !how.cascade)
    if (busy || !(how.force || REMOVABLE.has(row.status)))
      throw badRequest(
        'Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.',
      )
    await updateVolume(trx, id, { status: 'deleting' }, clock.now())
    return own
  })
  for (const snapshot of snapshots) work.removeSnapshot(snapshot.id)
  work.removeVolume(id)
}

type Action = (
  routes: Routes,
  call: Call,
  volume: Volume,
  args: Readonly<Record<string, unknown>>,
) => Promise<Reply>

const change = async ({ store, clock }: Routes, id: string, changes: Partial<VolumeRow>): Promise<Reply> => {
  await updateVolume(store.db, id, changes, clock.now())
  return { status: 202 }
}

/** A volume in use is being detached, or is not after all. Cinder refuses from any other state. */
const detaching =
  (from: string, to: string, refusal: string): Action =>
  async ({ store, clock }, _call, { row }) => {
    await store.transaction(async (trx) => {
      const { status = 'deleted' } = (await findVolumeRow(trx, row.id)) ?? {}
      if (from !== '' && status !== from)
        throw badRequest(`Invalid volume: ${refusal} but current status is: ${status}`)
      if (status === (from === '' ? 'detaching' : from))
        await updateVolume(trx, row.id, { status: to }, clock.now())
    })
    return { status: 202 }
  }

const ACTIONS: Readonly<Record<string, Action>> = {
  'os-begin_detaching': detaching(
    'in-use',
    'detaching',
    "Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.",
  ),
  'os-roll_detaching': detaching('', 'in-use', ''),
  'os-extend': extend,
  'os-set_bootable': async (routes, _call, { row }, args) => ({
    ...(await change(routes, row.id, { bootable: Number(flagOf(args, 'bootable')) })),
    status: 200,
  }),
  'os-update_readonly_flag': (routes, _call, { row }, args) =>
    change(routes, row.id, { readonly: Number(flagOf(args, 'readonly')) }),
  'os-reset_status': (routes, call, { row }, args) => {
    requireAdmin(call.caller, 'volume_extension:volume_admin_actions:reset_status')
    const status = textOf(args, 'status')
    if (status === null || !/^[a-z_-]+$/.test(status)) throw badRequest('Must specify a valid status')
    return change(routes, row.id, { status })
  },
  'os-force_delete': async (routes, call, { row }) => {
    requireAdmin(call.caller, 'volume_extension:volume_admin_actions:force_delete')
    for (const table of ['cinder_attachment', 'cinder_transfer'] as const)
      await routes.store.db.deleteFrom(table).where('volume_id', '=', row.id).execute()
    await removeVolume(routes, row.id, { cascade: false, force: true })
    return { status: 202 }
  },
  'os-volume_upload_image': uploadImage,
  'os-retype': async (routes, _call, { row }, args) => {
    const name = textOf(args, 'new_type') ?? ''
    const type = await findType(routes.store.db, name)
    if (!type) throw noType(`with name ${name}`)
    return change(routes, row.id, { volume_type_id: type.id })
  },
  'os-set_image_metadata': async (routes, _call, { row }, args) => {
    const metadata = { ...textsOf(row.image_metadata), ...metadataOf(args) }
    await change(routes, row.id, { image_metadata: JSON.stringify(metadata) })
    return { status: 200, body: { metadata } }
  },
  'os-show_image_metadata': async (_routes, _call, { row }) => ({
    body: { metadata: textsOf(row.image_metadata) },
  }),
  'os-unset_image_metadata': async (routes, _call, { row }, args) => {
    const { [textOf(args, 'key') ?? '']: _gone, ...rest } = textsOf(row.image_metadata)
    await change(routes, row.id, { image_metadata: JSON.stringify(rest) })
    return { status: 200 }
  },
}

export function addVolumeActionRoutes(routes: Routes): void {
  routes.on('POST', '/volumes/:id/action', async (call) => {
    const [name = '', args] = isObject(call.body) ? (Object.entries(call.body)[0] ?? []) : []
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
    if (!action) throw badRequest(`There is no such action: ${name.slice(0, 64)}`)
    requireWriter(call.caller, `volume_extension:${name}`)
    const volume = await seeVolume(routes, call, call.params['id'] ?? '')
    return action(routes, call, volume, isObject(args) ? args : {})
  })
}

async function extend(
  routes: Routes,
  _call: Call,
  { row }: Volume,
  args: Readonly<Record<string, unknown>>,
): Promise<Reply> {
  const size = sizeOf(args, 'new_size')
  if (size === undefined)
    throw badRequest("Invalid input for field/attribute os-extend. 'new_size' is a required property")
  await routes.store.transaction(async (trx) => {
    const now = await findVolumeRow(trx, row.id)
    if (now?.status !== 'available')
      throw badRequest(
        `Invalid volume: Volume ${row.id} status must be '{'status': 'available'}' to extend, currently ${now?.status ?? 'deleted'}.`,
      )
    if (size <= now.size)
      throw badRequest(
        `Invalid input received: New size for extend must be greater than current size. (current: ${now.size}, extended: ${size}).`,
      )
    await requireQuota(trx, row.project_id, undefined, size - now.size)
    await updateVolume(trx, row.id, { status: 'extending' }, routes.clock.now())
  })
  routes.work.growVolume(row.id, size)
  return { status: 202 }
}
