/** The scheduler as a service: answers `select` from the bus. It writes nothing but claims in Placement. */
import type { Bus } from '#bus/port.ts'
import { CONDUCTOR_TOPIC, conductorContract, SERVICE_VERSION } from '#contracts/conductor.ts'
import { clientOf, serveContract } from '#contracts/contract.ts'
import { SCHEDULER_TOPIC, schedulerContract } from '#contracts/scheduler.ts'
import type { Database } from '#db/kit/index.ts'
import { hostsOfInstances, notesOnHosts } from '#db/instance-places.ts'
import type { NovaDb } from '#db/schema.ts'
import type { Clock } from '#lib/clock.ts'
import { createHearing } from '#lib/hearing.ts'
import { type Ids, randomIds } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Metrics } from '#lib/metrics.ts'
import { type Repeated, repeat } from '#lib/repeat.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import { createChoices } from './choices.ts'
import { defaultSchedulerConfig, type SchedulerConfig } from './config.ts'
import { type Filter, filtersOf } from './filters/index.ts'
import { createGroups } from './groups.ts'
import type { Random } from './pick.ts'
import { countSelections } from './measure.ts'
import { selectHosts, type Selector } from './select-hosts.ts'
import { createSelectTogether } from './select-together.ts'
import { type Counting, createSnapshots } from './snapshot.ts'
import { ioOps, type Weigher, weighersOf } from './weighers/index.ts'

export interface SchedulerDependencies {
  readonly db: Database
  readonly bus: Bus
  readonly placement: Pick<PlacementClient, 'candidates' | 'claim' | 'claimAll'>
  readonly clock: Clock
  readonly log: Log
  readonly random?: Random
  readonly ids?: Ids
  readonly metrics?: Metrics
  readonly config?: Partial<SchedulerConfig>
}

export interface Scheduler {
  /** Begins to answer. */
  start(): Promise<void>
  /** Finishes what runs and answers no more. */
  close(): Promise<void>
}

export function createScheduler(dependencies: SchedulerDependencies): Scheduler {
  const { db, bus, placement, clock, log, random = Math.random, ids = randomIds } = dependencies
  const config = { ...defaultSchedulerConfig, ...dependencies.config }
  const { filters, unknown } = filtersOf(config.enabledFilters, config.availableFilters)
  const { weighers, unknown: unknownClasses } = weighersOf(config.weightClasses)
  const hostsOf: Selector['hostsOf'] = (uuids) => hostsOfInstances(db.typed<NovaDb>(), uuids)
  const choices = createChoices(clock, hostsOf)
  const isCounted = filters.some(({ counts }) => counts !== undefined)
  const snapshots = createSnapshots({
    db,
    clock,
    defaultAvailabilityZone: config.defaultAvailabilityZone,
    counting: countingOf(filters, weighers),
    underWay: choices.underWay,
  })
  const hearing = createHearing(clock, config.reportIntervalMs)
  const selector: Selector = {
    placement,
    snapshots,
    filters,
    weighers,
    hostsOf,
    ...(isCounted && { chose: choices.chose }),
    notesOn: (hosts) => notesOnHosts(db.typed<NovaDb>(), hosts),
    config,
    random,
    now: hearing.now,
    log,
  }
  const selectTogether = createSelectTogether(selector)
  const observe = dependencies.metrics && countSelections(dependencies.metrics, clock)
  const withGroup = createGroups({ db: db.typed<NovaDb>(), clock })
  const conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, bus)
  const report = async (): Promise<void> => {
    const service = { binary: 'nova-scheduler', host: config.host, topic: SCHEDULER_TOPIC }
    await conductor.reportService.call({ ...service, version: SERVICE_VERSION }, ids.requestId())
    hearing.heard()
  }
  let serving: { close(): Promise<void> } | undefined
  let presence: Repeated | undefined
  return {
    async start() {
      if (unknown.length > 0)
        log.warn(
          { filters: unknown },
          'enabled_filters or available_filters names filters that are not there; they refuse nothing',
        )
      if (unknownClasses.length > 0)
        log.warn(
          { weighers: unknownClasses },
          'weight_classes names weighers that are not there; they weigh nothing',
        )
      serving = await serveContract(schedulerContract, SCHEDULER_TOPIC, bus, {
        select: async (asked) => {
          const began = clock.now()
          const selection = await withGroup(asked.instanceUuids, (group) =>
            group ? selectHosts(selector, asked, group) : selectTogether(asked),
          )
          observe?.(selection, began)
          if (selection.explanation !== '')
            log.info(
              {
                refusals: selection.refusals,
                explanation: selection.explanation,
              },
              'no valid host',
            )
          return selection
        },
      })
      presence = repeat({ name: 'heartbeat', everyMs: config.reportIntervalMs, run: report }, { clock, log })
    },
    async close() {
      // Its last report may wait for a conductor that is gone already; nobody waits for that.
      void presence?.close()
      await serving?.close()
    },
  }
}

/** Filters refuse by what is true now; for weighing it may be a moment old. */
const countingOf = (filters: readonly Filter[], weighers: readonly Weigher[]): Counting => ({
  ...(weighers.includes(ioOps) && { ioOps: 'now and then' }),
  ...Object.fromEntries(
    filters.flatMap(({ counts = [] }) => counts.map((name) => [name, 'each time' as const])),
  ),
})
