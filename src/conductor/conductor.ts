/** The conductor as a service: the runner of sagas, the state service, and repair, wired to their ports. */
import type { Bus } from '#bus/port.ts'
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { CONDUCTOR_TOPIC, conductorContract, SERVICE_VERSION } from '#contracts/conductor.ts'
import { clientOf, serveContract } from '#contracts/contract.ts'
import { SCHEDULER_TOPIC, schedulerContract } from '#contracts/scheduler.ts'
import type { Database } from '#db/kit/index.ts'
import { operationsJournal } from '#db/operations-journal.ts'
import { breakLeases } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import type { Clock } from '#lib/clock.ts'
import { createHearing } from '#lib/hearing.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Metrics } from '#lib/metrics.ts'
import { type Repeated, repeat } from '#lib/repeat.ts'
import { createRunner, type Runner } from '#lib/saga/index.ts'
import type { Images } from '#neighbours/images/port.ts'
import type { Networks } from '#neighbours/networks/port.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import type { Volumes } from '#neighbours/volumes/port.ts'
import { announcements } from './announce.ts'
import type { ConductorConfig } from './config.ts'
import { countCommands, countRepair, countTurns } from './measure.ts'
import { createRepair, type Repair } from './repair/index.ts'
import { sagas } from './sagas/index.ts'
import { stateService } from './state-service.ts'
import type { ConductorTypes, World } from './world.ts'

export interface ConductorDeps {
  readonly db: Database
  readonly bus: Bus
  readonly networks: Networks
  readonly images: Pick<Images, 'remove' | 'listByProperties'>
  readonly placement: PlacementClient
  readonly volumes: Volumes
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly metrics?: Metrics
  readonly config: ConductorConfig
}

export interface Conductor {
  start(): Promise<void>
  /** Stops serving, hands over what runs, and lets go of its leases. The database stays open. */
  close(): Promise<void>
  readonly repair: Repair
}

/** What sagas work with; `nudge` wakes the runner. */
export function worldOf(deps: ConductorDeps, nudge: () => void): World {
  const { bus, networks, images, placement, volumes, clock, ids, config } = deps
  const computes = new Map<string, ReturnType<World['compute']>>()
  return {
    db: deps.db.typed<NovaDb>(),
    networks,
    images,
    placement,
    volumes,
    scheduler: clientOf(schedulerContract, SCHEDULER_TOPIC, bus),
    compute(host) {
      const known = computes.get(host) ?? clientOf(computeContract, computeTopic(host), bus)
      computes.set(host, known)
      return known
    },
    clock,
    ids,
    config,
    nudge,
  }
}

function runnerOf(deps: ConductorDeps, world: World): Runner {
  const { clock, log, ids, config } = deps
  return createRunner<ConductorTypes>({
    sagas,
    journal: operationsJournal<ConductorTypes>(deps.db, clock),
    hooks: announcements,
    world,
    clock,
    log,
    owner: `conductor-${ids.uuid()}`,
    concurrency: config.concurrency,
    pollMs: config.pollMs,
    leaseMs: config.leaseMs,
    closeMs: config.closeMs,
    undoTries: config.undoTries,
    undoDelayMs: config.undoDelayMs,
    settleMs: config.closeMs,
    observe: deps.metrics && countTurns(deps.metrics),
  })
}

export function createConductor(deps: ConductorDeps): Conductor {
  const { bus, config, log, metrics } = deps
  const hearing = createHearing(deps.clock, config.reportIntervalMs)
  const world = { ...worldOf(deps, () => runner.nudge()), hearing }
  const runner = runnerOf(deps, world)
  const repair = createRepair({ world, log, observe: metrics && countRepair(metrics) })
  let served: { close(): Promise<void> } | undefined
  let presence: Repeated | undefined
  const report = async (): Promise<void> => {
    const service = { binary: 'nova-conductor', host: config.host, topic: CONDUCTOR_TOPIC }
    const row = { ...service, version: SERVICE_VERSION, uuid: deps.ids.uuid() }
    await reportService(world.db, row, { now: deps.clock.now() })
    hearing.heard()
  }
  return {
    repair,
    async start() {
      if (config.sole) {
        const taken = await breakLeases(world.db)
        if (taken > 0) log.info({ operations: taken }, 'taking over what an earlier conductor left')
      }
      served = await serveContract(
        conductorContract,
        CONDUCTOR_TOPIC,
        bus,
        stateService({ ...deps, world, observe: metrics && countCommands(metrics) }),
      )
      presence = repeat({ name: 'heartbeat', everyMs: config.reportIntervalMs, run: report }, deps)
      runner.start()
      repair.start()
    },
    async close() {
      await presence?.close()
      await repair.close()
      await runner.close()
      await served?.close()
    },
  }
}
