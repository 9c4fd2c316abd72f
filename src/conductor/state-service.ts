/** What computes and proxies ask of the conductor: states in, expectations and answers out. */
import type { conductorContract } from '#contracts/conductor.ts'
import type { HandlersOf } from '#contracts/contract.ts'
import { finishCommand, listPendingCommands } from '#db/commands.ts'
import { listMigrations, listUnsettledOn } from '#db/instance-migrations.ts'
import { reportComputeNode } from '#db/compute-nodes.ts'
import type { Database } from '#db/kit/index.ts'
import { listGuestStates } from '#db/operation-subjects.ts'
import { leaveService, reportService } from '#db/services.ts'
import type { Log } from '#lib/log.ts'
import { validateConsoleToken } from './console-token.ts'
import { networksChanged } from './networks-changed.ts'
import { powerStateChanged, resumeGuests } from './power-sync.ts'
import type { World } from './world.ts'

export interface StateServiceDeps {
  readonly db: Database
  readonly world: World
  readonly log: Log
  /** Hears of every outcome that a compute reports. */
  readonly observe?: ((outcome: 'done' | 'failed' | 'told again') => void) | undefined
}

/** `completed`: what was held on the old host is free again; the guest there is what it was. */
const EVACUATED = ['done', 'completed']

/** The instances whose latest word on this host is that they were evacuated from it. */
async function evacuatedFrom(db: World['db'], host: string): Promise<ReadonlySet<string>> {
  const filters = { sourceCompute: host, statuses: EVACUATED, types: ['evacuation'] }
  return new Set((await listMigrations(db, filters)).map(({ instanceUuid }) => instanceUuid))
}

/** Answers the conductor's contract. */
export function stateService({
  db,
  world,
  log,
  observe,
}: StateServiceDeps): HandlersOf<typeof conductorContract> {
  const { clock, ids, config } = world
  return {
    async operationReady() {
      world.nudge()
      return null
    },

    async reportService({ binary, host, topic, version, process }) {
      if (process?.leaves) {
        await leaveService(world.db, { host, binary }, process.id)
        return { disabled: false, forcedDown: false }
      }
      const disabled = binary === 'nova-compute' && !config.enableNewServices
      const report = { uuid: ids.uuid(), binary, host, topic, version }
      const service = await reportService(world.db, report, {
        now: clock.now(),
        disabled,
        process,
        silentMs: config.serviceDownTimeMs,
      })
      return { disabled: service.disabled, forcedDown: service.forcedDown }
    },

    async reportNode({ host, node }) {
      const { uuid } = await reportComputeNode(world.db, { ...node, host }, { now: clock.now() })
      return { uuid }
    },

    pendingCommands: ({ host, except }) => listPendingCommands(world.db, host, except),

    async commandDone({ commandId, host, outcome }, { requestId }) {
      const written = await finishCommand(world.db, { commandId, host, outcome }, { now: clock.now() })
      log.info({ request_id: requestId, command: commandId, host, ok: outcome.ok, written }, 'command done')
      observe?.(written ? (outcome.ok ? 'done' : 'failed') : 'told again')
      if (written) world.nudge()
      return null
    },

    async expectedGuests({ host, uuids }) {
      const states = await listGuestStates(world.db, { host, uuids })
      const moving = new Set((await listUnsettledOn(world.db, host)).map(({ instanceUuid }) => instanceUuid))
      const evacuated = await evacuatedFrom(world.db, host)
      // What is elsewhere now was left here when the host did not answer: it is to go, as the deleted are. But what
      // moves to or from here is on both hosts until that is settled; and what was evacuated may hold on its disk what
      // the new guest does not have: it must not run, and is kept until its server is deleted.
      return states.flatMap(({ host: where, deleted, ...state }) => {
        if (deleted || where === host) return [{ ...state, deleted }]
        if (moving.has(state.uuid)) return []
        const quarantined = evacuated.has(state.uuid)
        if (quarantined)
          log.warn({ instance: state.uuid, host, now_on: where }, 'an evacuated guest came back')
        return [{ ...state, deleted: !quarantined, quarantined }]
      })
    },

    async powerStateChanged(report, { requestId }) {
      await powerStateChanged({ db, world, log: log.child({ request_id: requestId }) }, report)
      return null
    },

    async resumeGuests(report, { requestId }) {
      await resumeGuests({ db, world, log: log.child({ request_id: requestId }) }, report)
      return null
    },

    async networksChanged(report, { requestId }) {
      await networksChanged(world, log.child({ request_id: requestId }), report)
      return null
    },

    validateConsoleToken: (request, { requestId }) => validateConsoleToken(world, request, requestId),
  }
}
