/** What volumes' bytes take time for: done beside the requests, one thing after another for each, told by the rows' status. */
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import type { Images } from '#neighbours/images/port.ts'
import type { FileStore } from './files.ts'
import { findVolumeRow, type Store, updateVolume } from './store.ts'
import type { SnapshotRow, VolumeRow } from './tables.ts'

export interface WaitingImage {
  readonly id: string
  readonly diskFormat: string
  readonly containerFormat: string
}

export interface Work {
  makeVolume(row: VolumeRow, imageId: string | null): void
  removeVolume(id: string): void
  /** Gives a waiting image the volume's bytes; the volume is then available again, and an image that got none is gone. */
  uploadVolume(id: string, image: WaitingImage): void
  growVolume(id: string, sizeGb: number): void
  makeSnapshot(row: SnapshotRow): void
  removeSnapshot(id: string): void
  /** Waits for what is being done to a volume or snapshot, for so long at most. */
  settled(id: string, atMostMs: number): Promise<void>
  /** Goes on with what a crash cut off, and clears away what it left. */
  recover(): Promise<void>
  /** Waits for what is being done. */
  close(): Promise<void>
}

export interface WorkDeps {
  readonly store: Store
  readonly files: FileStore
  readonly images: Images
  readonly clock: Clock
  readonly log: Log
}

export function createWork({ store, files, images, clock, log }: WorkDeps): Work {
  const { db } = store
  const under = new Map<string, Promise<void>>()
  const begin = (id: string, work: () => Promise<void>): void => {
    const before = under.get(id) ?? Promise.resolve()
    const run = before.then(work).catch((error: unknown) => log.error({ err: error, id }, 'not done'))
    const ended = run.finally(() => under.get(id) === ended && under.delete(id))
    under.set(id, ended)
  }
  const setVolume = (id: string, changes: Partial<VolumeRow>) => updateVolume(db, id, changes, clock.now())
  const setSnapshot = (id: string, status: string) =>
    db.updateTable('cinder_snapshot').set({ status, updated_at: clock.now() }).where('id', '=', id).execute()
  const forgetVolume = (id: string) => db.deleteFrom('cinder_volume').where('id', '=', id).execute()
  const forgetSnapshot = (id: string) => db.deleteFrom('cinder_snapshot').where('id', '=', id).execute()
  const write = async ({ id, size, snapshot_id, source_volid }: VolumeRow, imageId: string | null) => {
    const source = snapshot_id ?? source_volid
    if (source !== null) return files.copy(source, id, size)
    if (imageId === null) return files.blank(id, size)
    await setVolume(id, { status: 'downloading' })
    const image = await images.findAsService(imageId)
    if (!image?.diskFormat) throw new Error(`image ${imageId} has no data`)
    return files.fill(id, { data: await images.download(imageId), format: image.diskFormat }, size)
  }
  const work: Work = {
    makeVolume: (row, imageId) =>
      begin(row.id, async () => {
        try {
          await write(row, imageId)
          await setVolume(row.id, { status: 'available' })
        } catch (error) {
          log.error({ err: error, volume: row.id }, 'the volume could not be made')
          await setVolume(row.id, { status: 'error' })
        }
      }),
    removeVolume: (id) =>
      begin(id, async () => {
        await files.remove(id)
        await forgetVolume(id)
      }),
    uploadVolume: (id, image) =>
      begin(id, async () => {
        try {
          await files.read(id, image.diskFormat, (bytes) => images.upload(image.id, { ...image, bytes }))
        } catch (error) {
          log.error({ err: error, volume: id, image: image.id }, 'the image could not be written')
          await images.remove(image.id)
        } finally {
          await setVolume(id, { status: 'available' })
        }
      }),
    growVolume: (id, size) =>
      begin(id, async () => {
        await files.grow(id, size)
        await setVolume(id, { status: 'available', size })
      }),
    makeSnapshot: (row) =>
      begin(row.id, async () => {
        try {
          await files.copy(row.volume_id, row.id, row.size)
          await setSnapshot(row.id, 'available')
        } catch (error) {
          log.error({ err: error, snapshot: row.id }, 'the snapshot could not be made')
          await setSnapshot(row.id, 'error')
        }
      }),
    removeSnapshot: (id) =>
      begin(id, async () => {
        await files.remove(id)
        await forgetSnapshot(id)
      }),
    settled: async (id, atMostMs) => {
      const waiting = new AbortController()
      const patience = clock.sleep(atMostMs, waiting.signal).catch((error: unknown) => {
        if (!waiting.signal.aborted) throw error
      })
      await Promise.race([under.get(id), patience])
      waiting.abort()
    },
    async recover() {
      const volumes = await db.selectFrom('cinder_volume').select(['id', 'status', 'size']).execute()
      const snapshots = await db.selectFrom('cinder_snapshot').select(['id', 'status']).execute()
      const failed = { creating: 'error', downloading: 'error', extending: 'error_extending' } as const
      for (const { id, status } of volumes) {
        if (status === 'deleting') work.removeVolume(id)
        else if (status === 'uploading') await setVolume(id, { status: 'available' })
        else if (Object.hasOwn(failed, status))
          await setVolume(id, { status: failed[status as keyof typeof failed] })
      }
      for (const { id, status } of snapshots) {
        if (status === 'deleting') work.removeSnapshot(id)
        else if (status === 'creating') await setSnapshot(id, 'error')
      }
      const kept = new Set([...volumes, ...snapshots].map((row) => row.id))
      await files.sweep((id) => kept.has(id))
    },
    async close() {
      while (under.size > 0) await Promise.all(under.values())
    },
  }
  return work
}

/** Whether a volume is there whose bytes can be copied. */
export const isCopyable = async (store: Store, id: string): Promise<boolean> =>
  ['available', 'in-use'].includes((await findVolumeRow(store.db, id))?.status ?? '')
