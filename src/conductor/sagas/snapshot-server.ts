/** An image is made of a server's disk; a backup also has the oldest of its kind removed. */
import type { OperationParams } from '#contracts/operations.ts'
import { done, type Outcome, type Step } from '#lib/saga/index.ts'
import { type ConductorTypes, type Ctx, type ServerSaga, serverSaga, type Trx } from '../world.ts'
import { powerStep } from './power-step.ts'
import { buildMs } from './tell.ts'

type Params = OperationParams<'snapshot-server'>
type BackupParams = OperationParams<'backup-server'>

/** An image that never got its data is of no use to anybody. */
function takeSnapshot<P extends Params>(): Step<P, object, null, ConductorTypes> {
  const step = powerStep<P>({
    kind: 'snapshot',
    args: ({ imageId }) => ({ imageId }),
    moreTimeMs: buildMs,
  })
  return {
    ...step,
    undo: async (ctx, own) => {
      if (own === undefined) await ctx.world.images.remove(ctx.params.imageId)
      return step.undo?.(ctx, own) ?? done(undefined)
    },
  }
}

/** As in Nova, a backup that is there is good, whatever becomes of the older ones. */
async function removeOldest({
  params,
  world,
  subject,
  log,
}: Ctx<BackupParams, object>): Promise<Outcome<null, Trx>> {
  const { backupType, rotation } = params
  try {
    const kind = { image_type: 'backup', backup_type: backupType, instance_uuid: subject }
    const newestFirst = await world.images.listByProperties(kind)
    for (const image of newestFirst.slice(rotation)) await world.images.remove(image.id)
  } catch (error) {
    log.warn({ err: error }, 'older backups could not be removed')
  }
  return done(null)
}

const snapshotServer: ServerSaga = serverSaga<Params>('snapshot-server', {}).step(
  'snapshot',
  { taskState: 'image_snapshot', event: 'compute_snapshot_instance' },
  takeSnapshot<Params>(),
)

const backupServer: ServerSaga = serverSaga<BackupParams>('backup-server', {})
  .step(
    'snapshot',
    { taskState: 'image_snapshot', event: 'compute_backup_instance' },
    takeSnapshot<BackupParams>(),
  )
  .step('rotate', { event: 'compute_backup_instance' }, { do: removeOldest, deadlineMs: 300_000 })

export const snapshotSagas: readonly ServerSaga[] = [snapshotServer, backupServer]
