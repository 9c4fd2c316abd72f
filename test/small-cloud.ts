/**
 * A small cloud around a conductor, in memory: SQLite, the in-process bus, and at the ports a Placement, a
 * Neutron, a scheduler and computes that keep what they are told in maps and misbehave when asked to.
 */
import { randomUUID } from 'node:crypto'
import { type Bus } from '#bus/port.ts'
import { createInProcessBus } from '#bus/in-process.ts'
import { defaultConductorConfig, type ConductorConfig } from '#conductor/index.ts'
import { worldOf } from '#conductor/conductor.ts'
import type { World } from '#conductor/world.ts'
import { computeContract, computeTopic } from '#contracts/compute.ts'
import type { CommandOutcome } from '#contracts/conductor.ts'
import { serveContract } from '#contracts/contract.ts'
import type { OperationParams, SagaName } from '#contracts/operations.ts'
import { SCHEDULER_TOPIC, schedulerContract, type SelectedHost } from '#contracts/scheduler.ts'
import { insertInstanceActions } from '#db/instance-actions.ts'
import { insertInstances, type NewInstance, updateInstance } from '#db/instances.ts'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import { insertOperation } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import { systemClock } from '#lib/clock.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import type { TaskState } from '#model/instance/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import { newInstance } from './contract/fixtures.ts'
import { SmallVolumes } from './small-volumes.ts'
import {
  type Observer,
  SmallCompute,
  SmallImages,
  SmallNetworks,
  SmallPlacement,
} from './small-neighbours.ts'

export const failure = (message: string, retryable: boolean): CommandOutcome => ({
  ok: false,
  message,
  details: `Traceback: ${message}`,
  retryable,
})

export interface SmallCloud {
  readonly database: Database
  readonly bus: Bus
  readonly placement: SmallPlacement
  readonly networks: SmallNetworks
  readonly images: SmallImages
  readonly volumes: SmallVolumes
  readonly computes: Readonly<Record<string, SmallCompute>>
  readonly world: World
  readonly context: RequestContext
  /** What conductors are made of. */
  readonly deps: Parameters<typeof worldOf>[0]
  observe(observer: Observer): void
  /** Stops being heard of, and hears nothing. */
  hostDown(host: string): Promise<void>
  hostUp(host: string): Promise<void>
  addInstance(instance?: Partial<NewInstance>): Promise<string>
  /** What the API does: a task state, an action and an operation, in one transaction. */
  request<S extends SagaName>(
    saga: S,
    instanceUuid: string,
    taskState: TaskState | null,
    params: OperationParams<S>,
  ): Promise<string>
  close(): Promise<void>
}

/** How conductors behave in tests: impatient. */
export const impatient: ConductorConfig = {
  ...defaultConductorConfig,
  commandPollMs: 20,
  pollMs: 5,
  leaseMs: 60_000,
  undoTries: 3,
  undoDelayMs: 1,
  repairMs: 3_600_000,
}

const specOf = (projectId: string): OperationParams<'build-server'>['spec'] => ({
  flavor: { vcpus: 1, memoryMb: 64, rootGb: 1, ephemeralGb: 0, swapMb: 0, extraSpecs: {} },
  imageProperties: {},
  isVolumeBacked: false,
  projectId,
  availabilityZone: null,
  forceHost: null,
  forceNode: null,
  ignoreHosts: [],
  schedulerHints: {},
})

/** One new interface, and one that the owner brought along. */
export const buildParams = (): OperationParams<'build-server'> => ({
  image: null,
  spec: specOf('project'),
  networks: [
    { networkId: 'private', portId: null, fixedIp: null, securityGroupIds: [], tag: null },
    { networkId: 'private', portId: 'own-port', fixedIp: null, securityGroupIds: [], tag: null },
  ],
})

const selectedHost = (host: string): SelectedHost => ({
  host,
  node: `${host}.example`,
  providerId: `rp-${host}`,
  availabilityZone: 'nova',
  allocations: { [`rp-${host}`]: { resources: { VCPU: 1 } } },
})

/** Hosts in the order in which the scheduler prefers them. */
export async function smallCloud(
  options: { hosts?: readonly string[]; slots?: number; config?: Partial<ConductorConfig> } = {},
): Promise<SmallCloud> {
  const { hosts = ['h1', 'h2'], slots = 4 } = options
  const database = openDatabase('sqlite://')
  await database.migrate('nova', NOVA_MIGRATIONS)
  const bus = createInProcessBus()
  let observer: Observer = () => undefined
  const happens: Observer = (event) => observer(event)
  const placement = new SmallPlacement(slots, happens)
  const networks = new SmallNetworks(happens)
  const images = new SmallImages(happens)
  const volumes = new SmallVolumes(happens)
  networks.addPort('own-port', 'private')
  const context: RequestContext = {
    requestId: randomIds.requestId(),
    userId: 'ada',
    projectId: 'project',
    roles: ['member'],
  }
  const config = { ...impatient, ...options.config }
  const deps = {
    db: database,
    bus,
    networks,
    images,
    placement,
    volumes,
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    config,
  }
  const db = database.typed<NovaDb>()
  await serveScheduler(bus, placement, hosts)

  const computes: Record<string, SmallCompute> = {}
  const down = new Set<string>()
  for (const host of hosts) {
    const compute = new SmallCompute(host, bus, happens)
    computes[host] = compute
    await serveContract(computeContract, computeTopic(host), bus, {
      run: async ({ commandId }) => {
        if (!down.has(host)) compute.hint(commandId)
        return null
      },
      cacheImages: async () => null,
      consoleOutput: async () => ({ outputBase64: '' }),
      diagnostics: async () => ({ driver: 'simulated', diagnostics: null }),
      console: async ({ instanceUuid }) => ({ unixPath: `/run/${instanceUuid}.vnc` }),
    })
  }
  const seen = (host: string, now: number) =>
    reportService(
      db,
      { uuid: randomUUID(), binary: 'nova-compute', host, topic: 'compute', version: 1 },
      { now },
    )
  for (const host of hosts) await seen(host, systemClock.now())

  return {
    database,
    bus,
    placement,
    networks,
    images,
    volumes,
    computes,
    context,
    deps,
    world: worldOf(deps, () => undefined),
    observe: (next) => void (observer = next),
    async hostDown(host) {
      down.add(host)
      await seen(host, 0)
    },
    async hostUp(host) {
      down.delete(host)
      await seen(host, systemClock.now())
      await computes[host]?.recover()
    },
    async addInstance(instance = {}) {
      const [stored] = await insertInstances(db, [newInstance({ projectId: 'project', ...instance })], {
        now: systemClock.now(),
      })
      return stored?.uuid ?? ''
    },
    request: (saga, instanceUuid, taskState, params) =>
      database.transaction<NovaDb, string>(async (trx) => {
        const now = systemClock.now()
        const id = randomUUID()
        const own = { ...context, requestId: randomIds.requestId() }
        const { requestId, userId } = own
        await updateInstance(trx, instanceUuid, { taskState }, { now })
        await insertInstanceActions(
          trx,
          [{ instanceUuid, action: saga, requestId, userId, projectId: 'project' }],
          { now },
        )
        await insertOperation(trx, { id, saga, instanceUuid, context: own, params }, { now })
        return id
      }),
    async close() {
      observer = () => undefined
      for (const compute of Object.values(computes)) await compute.idle()
      await bus.close()
      await database.close()
    },
  }
}

async function serveScheduler(bus: Bus, placement: SmallPlacement, hosts: readonly string[]): Promise<void> {
  await serveContract(schedulerContract, SCHEDULER_TOPIC, bus, {
    async select({ instanceUuids, context, spec }) {
      const selections: SelectedHost[][] = []
      for (const instanceUuid of instanceUuids) {
        const free = hosts
          .filter((host) => !placement.isFull(`rp-${host}`) && !spec.ignoreHosts.includes(host))
          .map(selectedHost)
        const [first] = free
        const consumer = { instanceUuid, projectId: spec.projectId, userId: context.userId }
        selections.push(first && (await placement.claim(consumer, first.allocations)) ? free : [])
      }
      return { selections, refusals: [], explanation: 'All hosts are full.' }
    },
  })
}
