/** What follows from a guest's power state that nobody asked for: Nova's `_sync_instance_power_state`. */
import { insertInstanceActions } from '#db/instance-actions.ts'
import { findInstance, updateInstance } from '#db/instances.ts'
import type { Database } from '#db/kit/index.ts'
import { insertOperation } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import type { Log } from '#lib/log.ts'
import { type Instance, POWER_STATES, type PowerState, type VmState } from '#model/instance/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { isPowerState } from './power-state.ts'
import type { Trx, World } from './world.ts'

export interface PowerSync {
  readonly db: Database
  readonly world: World
  readonly log: Log
}

const OFF: readonly PowerState[] = [POWER_STATES.shutdown, POWER_STATES.crashed]
const OFF_OR_NOWHERE: readonly PowerState[] = [...OFF, POWER_STATES.nostate]

/** The guest is not what its server's state says: the server is stopped, and its guest with it. */
const MUST_STOP: Partial<Record<VmState, (powerState: PowerState) => boolean>> = {
  active: (powerState) => OFF.includes(powerState) || powerState === POWER_STATES.suspended,
  paused: (powerState) => OFF.includes(powerState),
  stopped: (powerState) => !OFF_OR_NOWHERE.includes(powerState),
}

/** Nobody's request: the conductor acts for the server's owner. */
const ownContext = (instance: Instance, requestId: string): RequestContext => ({
  requestId,
  userId: instance.userId,
  projectId: instance.projectId,
  roles: ['admin'],
})

/** Writes a guest's power state, and stops a server whose guest stopped by itself (or runs although it should not). */
export async function powerStateChanged(
  { db, world, log }: PowerSync,
  report: { readonly host: string; readonly instanceUuid: string; readonly powerState: number },
): Promise<void> {
  const { powerState } = report
  if (!isPowerState(powerState)) return
  const stops = await db.transaction<NovaDb, boolean>(async (trx) => {
    const instance = await findInstance(trx, report.instanceUuid)
    // A task that is under way says itself how it ends; and another host's guest is not this instance's.
    if (!instance || instance.taskState !== null || instance.host !== report.host) return false
    const mustStop = MUST_STOP[instance.vmState]?.(powerState) ?? false
    if (!mustStop && instance.powerState === powerState) return false
    const expect = { taskState: null, vmState: instance.vmState, host: report.host }
    const changes = { powerState, ...(mustStop && { taskState: 'powering-off' as const }) }
    const changed = await updateInstance(trx, instance.uuid, changes, { now: world.clock.now(), expect })
    if (!changed || !mustStop) return false
    await begin(trx, world, instance, 'stop-server', 'stop')
    return true
  })
  log.info(
    { instance: report.instanceUuid, host: report.host, power_state: powerState, stops },
    'power state changed',
  )
  if (stops) world.nudge()
}

/** Starts again the guests that should run and, their host having gone down, do not. */
export async function resumeGuests(
  { db, world, log }: PowerSync,
  { host, instanceUuids }: { readonly host: string; readonly instanceUuids: readonly string[] },
): Promise<void> {
  for (const uuid of instanceUuids) {
    const resumed = await db.transaction<NovaDb, boolean>(async (trx) => {
      const expect = { taskState: null, vmState: 'active' as const, host }
      const instance = await updateInstance(
        trx,
        uuid,
        { taskState: 'powering-on' },
        { now: world.clock.now(), expect },
      )
      if (instance) await begin(trx, world, instance, 'resume-server', 'start')
      return instance !== undefined
    })
    log.info({ instance: uuid, host, resumed }, 'guest to be resumed')
  }
  world.nudge()
}

async function begin(
  trx: Trx,
  world: World,
  instance: Instance,
  saga: 'stop-server' | 'resume-server',
  action: string,
): Promise<void> {
  const now = world.clock.now()
  const context = ownContext(instance, world.ids.requestId())
  const { uuid: instanceUuid, userId, projectId } = instance
  const { requestId } = context
  await insertInstanceActions(trx, [{ instanceUuid, action, requestId, userId, projectId }], { now })
  await insertOperation(trx, { id: world.ids.uuid(), saga, instanceUuid, context, params: {} }, { now })
}
