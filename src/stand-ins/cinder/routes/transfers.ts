/** Transfers: a volume waits for whoever knows the key, and is then of that project. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { badRequest, notFound } from '#lib/fault.ts'
import { requireWriter } from '../caller.ts'
import { noTransfer } from '../faults.ts'
import { requireQuota } from '../quotas.ts'
import { findVolumeRow, updateVolume } from '../store.ts'
import type { TransferRow } from '../tables.ts'
import { briefTransfer, fullTransfer } from '../views.ts'
import {
  bodyOf,
  type Call,
  flagOf,
  isEverybodys,
  type Reply,
  type Routes,
  seeVolume,
  textOf,
} from './context.ts'

const KEY_BYTES = 8
/** Since when snapshots may stay behind, and since when the second path is there, in microversions. */
const SECOND_PATH_SINCE = 55

/** The key has 64 random bits: a plain hash of it tells nothing. */
const hashOf = (id: string, key: string): Buffer => createHash('sha256').update(`${id}:${key}`).digest()

export function addTransferRoutes(routes: Routes): void {
  for (const path of ['/os-volume-transfer', '/volume-transfers']) {
    const on: Routes['on'] = (method, rest, handle) =>
      routes.on(method, `${path}${rest}`, (call) => {
        if (path === '/volume-transfers' && call.caller.minor < SECOND_PATH_SINCE)
          throw notFound('The resource could not be found.')
        return handle(call)
      })
    on('POST', '', (call) => offer(routes, call))
    on('GET', '', async (call) => ({
      body: { transfers: (await list(routes, call)).map((row) => briefTransfer(row, call.view)) },
    }))
    on('GET', '/detail', async (call) => ({
      body: { transfers: (await list(routes, call)).map((row) => fullTransfer(row, call.view)) },
    }))
    on('GET', '/:id', async (call) => ({
      body: { transfer: fullTransfer(await see(routes, call), call.view) },
    }))
    on('POST', '/:id/accept', (call) => accept(routes, call))
    on('DELETE', '/:id', (call) => withdraw(routes, call))
  }
}

async function list({ store }: Routes, call: Call): Promise<TransferRow[]> {
  const all = store.db.selectFrom('cinder_transfer').selectAll().orderBy('created_at').orderBy('id')
  return (isEverybodys(call) ? all : all.where('project_id', '=', call.caller.projectId)).execute()
}

async function see({ store }: Routes, { caller, params }: Call): Promise<TransferRow> {
  const { id = '' } = params
  const row = await store.db.selectFrom('cinder_transfer').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row || !(caller.isAdmin || row.project_id === caller.projectId)) throw noTransfer(id)
  return row
}

async function offer(routes: Routes, call: Call): Promise<Reply> {
  const { store, ids, clock } = routes
  requireWriter(call.caller, 'volume:create_transfer')
  const body = bodyOf(call, 'transfer')
  const volumeId = textOf(body, 'volume_id')
  if (volumeId === null)
    throw badRequest(
      "Invalid input for field/attribute transfer. Value: {}. 'volume_id' is a required property",
    )
  const { row: volume } = await seeVolume(routes, call, volumeId)
  const key = Buffer.from(ids.secret(KEY_BYTES), 'base64url').toString('hex')
  const id = ids.uuid()
  const row: TransferRow = {
    id,
    volume_id: volume.id,
    project_id: volume.project_id,
    name: textOf(body, 'name'),
    key_hash: hashOf(id, key).toString('hex'),
    no_snapshots: Number(call.caller.minor >= SECOND_PATH_SINCE && flagOf(body, 'no_snapshots')),
    created_at: clock.now(),
  }
  await store.transaction(async (trx) => {
    if ((await findVolumeRow(trx, volume.id))?.status !== 'available')
      throw badRequest('Invalid volume: status must be available')
    await trx.insertInto('cinder_transfer').values(row).execute()
    await updateVolume(trx, volume.id, { status: 'awaiting-transfer' }, clock.now())
  })
  return { status: 202, body: { transfer: { ...fullTransfer(row, call.view), auth_key: key } } }
}

/** Whoever brings the key gets the volume, and its snapshots unless they were to stay. */
async function accept({ store, clock }: Routes, call: Call): Promise<Reply> {
  const { caller } = call
  requireWriter(caller, 'volume:accept_transfer')
  const { id = '' } = call.params
  const key = textOf(bodyOf(call, 'accept'), 'auth_key') ?? ''
  const row = await store.transaction(async (trx) => {
    const found = await trx.selectFrom('cinder_transfer').selectAll().where('id', '=', id).executeTakeFirst()
    const volume = found && (await findVolumeRow(trx, found.volume_id))
    if (!found || !volume) throw noTransfer(id)
    if (!timingSafeEqual(hashOf(id, key), Buffer.from(found.key_hash, 'hex')))
      throw badRequest(`Invalid auth key: Attempt to transfer ${id} with invalid auth key.`)
    if (volume.status !== 'awaiting-transfer')
      throw badRequest(
        `Invalid volume: Volume status must be awaiting-transfer, but current status is: ${volume.status}.`,
      )
    if (caller.projectId !== volume.project_id)
      await requireQuota(trx, caller.projectId, 'volumes', volume.size)
    const owner = { project_id: caller.projectId, user_id: caller.userId }
    await updateVolume(trx, volume.id, { ...owner, status: 'available' }, clock.now())
    if (found.no_snapshots === 0)
      await trx.updateTable('cinder_snapshot').set(owner).where('volume_id', '=', volume.id).execute()
    await trx.deleteFrom('cinder_transfer').where('id', '=', id).execute()
    return found
  })
  return { status: 202, body: { transfer: briefTransfer(row, call.view) } }
}

async function withdraw(routes: Routes, call: Call): Promise<Reply> {
  requireWriter(call.caller, 'volume:delete_transfer')
  const row = await see(routes, call)
  await routes.store.transaction(async (trx) => {
    await trx.deleteFrom('cinder_transfer').where('id', '=', row.id).execute()
    if ((await findVolumeRow(trx, row.volume_id))?.status === 'awaiting-transfer')
      await updateVolume(trx, row.volume_id, { status: 'available' }, routes.clock.now())
  })
  return { status: 202 }
}
