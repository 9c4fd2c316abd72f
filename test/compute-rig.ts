/** A compute with a simulated driver, beside a conductor and a Placement that remember what they are told. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { createInProcessBus } from '#bus/in-process.ts'
import type { Bus } from '#bus/port.ts'
import {
  type Command,
  type CommandKind,
  computeContract,
  computeTopic,
  type GuestSpec,
} from '#contracts/compute.ts'
import {
  CONDUCTOR_TOPIC,
  type CommandOutcome,
  conductorContract,
  type ExpectedGuest,
  type NodeReport,
} from '#contracts/conductor.ts'
import { clientOf, type HandlersOf, serveContract } from '#contracts/contract.ts'
import { systemClock } from '#lib/clock.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import type { Metrics } from '#lib/metrics.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import type { CanAgeImages } from '#virt/port.ts'
import { createSimulatedDriver, type SimulatedDriver } from '#virt/simulated/index.ts'
import { type ComputeConfig, createCompute } from '#compute/index.ts'
import { flavor, imageOf } from './contract/virt-driver.ts'
import { eventually } from './eventually.ts'

export const HOST = 'host-1'
export const NODE_UUID = '5a1f6c9e-0000-4000-8000-000000000001'

/** A conductor that remembers what it is told and answers what it is given. */
function recordingConductor() {
  const heard = {
    services: 0,
    nodes: [] as NodeReport[],
    outcomes: new Map<string, CommandOutcome[]>(),
    power: [] as { instanceUuid: string; powerState: number }[],
    resumed: [] as string[],
  }
  const given = {
    pending: [] as Command[],
    expected: [] as ExpectedGuest[],
    refusals: 0,
    isAway: false,
    missed: 0,
  }
  const unexpected = async () => assert.fail('not a question of a compute')
  const handlers: HandlersOf<typeof conductorContract> = {
    operationReady: unexpected,
    networksChanged: unexpected,
    validateConsoleToken: unexpected,
    async reportService() {
      if (given.isAway) throw new Error(`nobody hears: ${(given.missed += 1)}`)
      heard.services += 1
      return { disabled: false, forcedDown: false }
    },
    reportNode: async ({ node }) => (heard.nodes.push(node), { uuid: NODE_UUID }),
    pendingCommands: async ({ except = [] }) => given.pending.filter(({ id }) => !except.includes(id)),
    async commandDone({ commandId, outcome }) {
      if (given.refusals-- > 0) throw new Error('the database is busy')
      heard.outcomes.set(commandId, [...(heard.outcomes.get(commandId) ?? []), outcome])
      given.pending = given.pending.filter(({ id }) => id !== commandId)
      return null
    },
    expectedGuests: async () => given.expected,
    powerStateChanged: async (report) => (heard.power.push(report), null),
    resumeGuests: async ({ instanceUuids }) => (heard.resumed.push(...instanceUuids), null),
  }
  return { heard, given, handlers }
}

/** A Placement that remembers the last provider and has the given allocations. */
function recordingPlacement() {
  const providers: Parameters<PlacementClient['syncProvider']>[0][] = []
  return {
    providers,
    syncProvider: async (provider: (typeof providers)[0]) => void providers.push(provider),
    allocationsOn: async () => ({
      c1: { resources: { VCPU: 2, MEMORY_MB: 512, DISK_GB: 3 } },
      c2: { resources: { VCPU: 1 } },
    }),
  }
}

interface Rig {
  readonly bus: Bus
  readonly driver: SimulatedDriver
  readonly placement: ReturnType<typeof recordingPlacement>
  readonly heard: ReturnType<typeof recordingConductor>['heard']
  readonly given: ReturnType<typeof recordingConductor>['given']
  readonly compute: ReturnType<typeof createCompute>
  send(command: Command): Promise<void>
  /** What was stored as an image's data. */
  readonly uploaded: ReadonlyMap<string, Buffer>
  /** The outcome of a command, once it is told. */
  outcome(command: Command): Promise<CommandOutcome>
}

export async function withCompute(
  body: (rig: Rig) => Promise<void>,
  options: {
    config?: Partial<ComputeConfig>
    before?: (rig: Rig) => Promise<void>
    metrics?: Metrics
    /** With it the driver keeps images. */
    ageImages?: CanAgeImages['ageImages']
  } = {},
): Promise<void> {
  const bus = createInProcessBus()
  const { heard, given, handlers } = recordingConductor()
  const simulated = createSimulatedDriver({ clock: systemClock, vcpus: 8, memoryMb: 16_384, diskGb: 100 })
  const { ageImages, metrics } = options
  const driver = ageImages ? Object.assign(simulated, { ageImages }) : simulated
  const placement = recordingPlacement()
  const uploaded = new Map<string, Buffer>()
  const compute = createCompute({
    host: HOST,
    driver,
    bus,
    placement,
    images: {
      download: async () => assert.fail('a simulated guest needs no image'),
      async upload(imageId, { bytes }) {
        uploaded.set(imageId, await buffer(bytes))
      },
    },
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    ...(metrics && { metrics }),
    config: { commandPollMs: 50, closeTimeoutMs: 1000, ...options.config },
  })
  const client = clientOf(computeContract, computeTopic(HOST), bus)
  const rig: Rig = {
    bus,
    driver,
    placement,
    heard,
    given,
    compute,
    uploaded,
    send: (command) => {
      given.pending.push(command)
      return client.run.cast({ commandId: command.id }, command.requestId)
    },
    outcome: (command) =>
      eventually(() => heard.outcomes.get(command.id)?.[0], { what: `the outcome of ${command.kind}` }),
  }
  await serveContract(conductorContract, CONDUCTOR_TOPIC, bus, handlers)
  await options.before?.(rig)
  await compute.start()
  try {
    await body(rig)
  } finally {
    await compute.close()
    await bus.close()
  }
}

export function guestSpec(properties: Record<string, string> = {}, uuid = randomUUID() as string): GuestSpec {
  return {
    uuid,
    name: 'instance-00000001',
    displayName: 's1',
    hostname: 's1',
    projectId: 'p',
    userId: 'u',
    flavor,
    image: imageOf(Buffer.alloc(0), { properties }),
    vifs: [],
    keyName: null,
    publicKey: null,
    userData: null,
    configDrive: false,
    metadata: {},
    availabilityZone: 'nova',
    launchIndex: 0,
    reservationId: 'r-12345678',
  }
}

export function command(kind: CommandKind, guest: GuestSpec, change: Partial<Command> = {}): Command {
  return {
    id: randomUUID(),
    kind,
    instanceUuid: guest.uuid,
    requestId: 'req-1',
    deadline: Date.now() + 60_000,
    guest,
    args: {},
    ...change,
  }
}

export const expected = (uuid: string, change: Partial<ExpectedGuest> = {}): ExpectedGuest => ({
  uuid,
  vmState: 'active',
  taskState: null,
  powerState: POWER_STATES.running,
  deleted: false,
  ...change,
})

export const ok = (powerState?: number) => ({
  ok: true,
  result: powerState === undefined ? {} : { powerState },
})
