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
import { type Command, computeContract, computeTopic } from '#contracts/compute.ts'
import { CONDUCTOR_TOPIC, type CommandOutcome, conductorContract } from '#contracts/conductor.ts'
import { clientOf, serveContract } from '#contracts/contract.ts'
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
import type { Networks, PortRequest } from '#neighbours/networks/port.ts'
import type { AllocationRequest, PlacementClient } from '#neighbours/placement/port.ts'
import { newInstance, vifWith } from './contract/fixtures.ts'

/** Called with a name before and after each thing that happens outside of the database: a test may strike there. */
export type Observer = (event: string) => Promise<void> | void

const refused = (what: string) => async (): Promise<never> => {
  throw new Error(`the small cloud has no ${what}`)
}

/** Room for `slots` guests on each provider. */
export class SmallPlacement implements PlacementClient {
  readonly allocations = new Map<string, AllocationRequest>()
  readonly #happens: Observer
  readonly #slots: number

  constructor(slots: number, happens: Observer) {
    this.#slots = slots
    this.#happens = happens
  }

  #usersOf(provider: string): string[] {
    return [...this.allocations]
      .filter(([, allocations]) => provider in allocations)
      .map(([consumer]) => consumer)
  }

  isFull(provider: string): boolean {
    return this.#usersOf(provider).length >= this.#slots
  }

  async claim({ instanceUuid }: { instanceUuid: string }, allocations: AllocationRequest): Promise<boolean> {
    await this.#happens('before claim')
    const full = Object.keys(allocations).some(
      (provider) => this.#usersOf(provider).filter((user) => user !== instanceUuid).length >= this.#slots,
    )
    if (!full) this.allocations.set(instanceUuid, allocations)
    await this.#happens('after claim')
    return !full
  }

  async release(instanceUuid: string): Promise<void> {
    await this.#happens('before release of resources')
    this.allocations.delete(instanceUuid)
    await this.#happens('after release of resources')
  }

  async allocationsOf(instanceUuid: string): Promise<AllocationRequest> {
    return this.allocations.get(instanceUuid) ?? {}
  }

  async allocationsOn(provider: string) {
    return Object.fromEntries(
      this.#usersOf(provider).map((user) => [
        user,
        this.allocations.get(user)?.[provider] ?? { resources: {} },
      ]),
    )
  }

  syncProvider = refused('provider sync')
  candidates = refused('candidates')
  setAggregates = refused('aggregates')
}

interface SmallPort {
  readonly id: string
  readonly networkId: string
  /** The owner made it, not Nova. */
  readonly preexisting: boolean
  deviceId: string
  host: string | null
}

export class SmallNetworks implements Networks {
  readonly #ports = new Map<string, SmallPort>()
  readonly #happens: Observer

  constructor(happens: Observer) {
    this.#happens = happens
  }

  addPort(id: string, networkId: string): void {
    this.#ports.set(id, { id, networkId, preexisting: true, deviceId: '', host: null })
  }

  all(): readonly Readonly<SmallPort>[] {
    return [...this.#ports.values()]
  }

  async allocate(
    { instanceUuid, host }: { instanceUuid: string; host: string },
    requests: readonly PortRequest[],
  ) {
    await this.#happens('before ports')
    const vifs = []
    for (const { portId, networkId } of requests) {
      const own = this.all().find(
        (port) => port.deviceId === instanceUuid && port.networkId === networkId && !port.preexisting,
      )
      const id = portId ?? own?.id ?? randomUUID()
      const port = this.#ports.get(id) ?? { id, networkId, preexisting: false, deviceId: instanceUuid, host }
      this.#ports.set(id, Object.assign(port, { deviceId: instanceUuid, host }))
      vifs.push({ ...vifWith('10.0.0.9'), id, preexisting: port.preexisting })
      await this.#happens('between ports')
    }
    await this.#happens('after ports')
    return vifs
  }

  async release(instanceUuid: string, keepPortIds: readonly string[]): Promise<void> {
    await this.#happens('before release of ports')
    for (const port of this.#ports.values()) {
      if (port.deviceId !== instanceUuid) continue
      if (keepPortIds.includes(port.id)) Object.assign(port, { deviceId: '', host: null })
      else this.#ports.delete(port.id)
    }
    await this.#happens('after release of ports')
  }

  async ports(instanceUuid: string) {
    const own = this.all().filter((port) => port.deviceId === instanceUuid)
    const details = {
      projectId: 'p',
      macAddress: '',
      fixedIps: [],
      deviceOwner: 'compute:nova',
      status: 'ACTIVE',
      securityGroupIds: [],
    }
    return own.map((port) => ({
      ...details,
      ...port,
      bindingHost: port.host,
      vifType: 'bridge',
      vnicType: 'normal',
    }))
  }

  available = refused('networks')
  findNetworks = refused('networks')
  findPort = refused('ports to find')
  securityGroups = refused('security groups')
  portsLeft = refused('port quota')
  vifs = refused('interfaces')
  securityGroupsOf = refused('security groups')
}

/** A host with its guests. It does each command once at least, one at a time, and answers over the bus. */
export class SmallCompute {
  readonly guests = new Set<string>()
  readonly did: { kind: string; instanceUuid: string; args: Record<string, unknown> }[] = []
  /** What it answers instead of doing it; undefined: does it. */
  misbehave: (command: Command) => CommandOutcome | 'silence' | undefined = () => undefined
  readonly #host: string
  readonly #conductor: ReturnType<typeof clientOf<typeof conductorContract>>
  readonly #happens: Observer
  readonly #outcomes = new Map<string, CommandOutcome>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(host: string, bus: Bus, happens: Observer) {
    this.#host = host
    this.#conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, bus)
    this.#happens = happens
  }

  /** A hint came: the command is done in its turn. */
  run(command: Command): void {
    this.#last = this.#last.then(() => this.#work(command)).catch(() => undefined)
  }

  /** What a compute does when it starts, and when it returns: unfinished commands, and guests that are not its own. */
  async recover(): Promise<void> {
    const { host } = { host: this.#host }
    for (const command of await this.#conductor.pendingCommands.call({ host }, 'req-recover'))
      this.run(command)
    await this.#last
    const expected = await this.#conductor.expectedGuests.call(
      { host, uuids: [...this.guests] },
      'req-recover',
    )
    for (const guest of expected) if (guest.deleted) this.guests.delete(guest.uuid)
  }

  async idle(): Promise<void> {
    await this.#last
  }

  async #work(command: Command): Promise<void> {
    const known = this.#outcomes.get(command.id)
    const outcome = known ?? (await this.#perform(command))
    if (outcome === 'silence') return
    this.#outcomes.set(command.id, outcome)
    await this.#happens('before outcome')
    await this.#conductor.commandDone.call(
      { commandId: command.id, host: this.#host, outcome },
      command.requestId,
    )
    await this.#happens('after outcome')
  }

  async #perform(command: Command): Promise<CommandOutcome | 'silence'> {
    const { kind, instanceUuid, args } = command
    await this.#happens(`before ${kind}`)
    const instead = this.misbehave(command)
    if (instead) return instead
    this.did.push({ kind, instanceUuid, args })
    if (kind === 'build') this.guests.add(instanceUuid)
    if (kind === 'destroy') this.guests.delete(instanceUuid)
    await this.#happens(`after ${kind}`)
    return { ok: true, result: {} }
  }
}

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
    taskState: TaskState,
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
    placement,
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
      run: async (command) => {
        if (!down.has(host)) compute.run(command)
        return null
      },
      consoleOutput: async () => ({ outputBase64: '' }),
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
        const free = hosts.filter((host) => !placement.isFull(`rp-${host}`)).map(selectedHost)
        const [first] = free
        const consumer = { instanceUuid, projectId: spec.projectId, userId: context.userId }
        selections.push(first && (await placement.claim(consumer, first.allocations)) ? free : [])
      }
      return { selections, refusals: [], explanation: 'All hosts are full.' }
    },
  })
}
