/** A cloud of many processes in one: each has lives that end and begin, and shares nothing with others but what is durable. */
import { createCompute, defaultComputeConfig } from '#compute/index.ts'
import { type ConductorConfig, createConductor, defaultConductorConfig } from '#conductor/index.ts'
import type { Database } from '#db/kit/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Networks } from '#neighbours/networks/port.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import { createScheduler } from '#scheduler/index.ts'
import { createFailureCounter, createSimulatedDriver } from '#virt/simulated/index.ts'
import { type Broker, createBroker } from './bus.ts'
import { images } from './images.ts'
import { createLife, type Life } from './life.ts'
import { createMachine, type Machine } from './machine.ts'
import { createNeutron, type Neutron } from './neutron.ts'
import {
  httpClient,
  type Listener,
  placementClient,
  serviceToken,
  startPlacement,
} from './placement-service.ts'
import { SmallVolumes } from '../small-volumes.ts'
import { type Random, seededIds } from './random.ts'
import type { ApiServices } from './shared-api.ts'
import type { Storage, Store } from './store.ts'
import type { VirtualTime } from './virtual-time.ts'
import type { Weather } from './weather.ts'

export const KINDS = ['placement', 'api', 'scheduler', 'conductor', 'compute'] as const
export type Kind = (typeof KINDS)[number]

/** Collaborators that are broken on purpose, to see that it is noticed. */
export interface Sabotage {
  readonly conductor?: Partial<ConductorConfig>
  networks?(real: Networks, db: Database): Networks
  placement?(real: PlacementClient): PlacementClient
  /** Messages that never arrive. */
  swallows?(topic: string, method: string): boolean
}

export interface Process {
  readonly name: string
  readonly kind: Kind
  /** Of computes. */
  readonly machine: Machine | undefined
  /** Undefined while it is down. */
  readonly life: Life | undefined
  /** Begins a new life, if there is none. */
  boot(): void
  /** Dies after so many more steps, and comes back `downMs` later. */
  kill(steps: number, downMs: number): void
  /** Stops in order, and comes back. */
  restart(downMs: number): void
  /** Its host loses power for so long. */
  losePower(downMs: number): void
  /** Is not killed any more. */
  spare(): void
  /** Dies for good. */
  end(): void
}

export interface Cloud {
  readonly processes: readonly Process[]
  readonly machines: readonly Machine[]
  readonly neutron: Neutron
  readonly store: Store
  readonly broker: Broker
  /** The APIs that answer now, each with what a request to it works with. */
  apis(): readonly { readonly life: Life; readonly services: ApiServices }[]
  /** Placement as it is, whatever the weather; undefined while it is down. */
  placement(): Listener | undefined
}

export interface CloudOptions {
  readonly time: VirtualTime
  readonly random: Random
  readonly storage: Storage
  readonly weather: Weather
  readonly log: Log
  readonly sabotage: Sabotage
  readonly resumeGuests: boolean
  tell(line: string): void
}

/** What hosts have: little enough for servers to be refused. */
export const HOST_SIZE = { vcpus: 4, memoryMb: 4_096, diskGb: 40 } as const

const COUNTS: Readonly<Record<Kind, number>> = {
  placement: 1,
  api: 2,
  scheduler: 2,
  conductor: 2,
  compute: 3,
}
/** Clocks agree but for this. */
const MOST_SKEW_MS = 500
/** What a restart in order takes at most; then it is killed. */
const STOP_MS = 15_000

const conductorConfig: ConductorConfig = {
  ...defaultConductorConfig,
  serviceDownTimeMs: 60_000,
  shutdownTimeoutMs: 10_000,
  buildTimeoutMs: 120_000,
  commandTimeoutMs: 60_000,
  pollMs: 3_000,
  repairMs: 30_000,
}

const computeConfig = {
  ...defaultComputeConfig,
  syncPowerStateIntervalMs: 60_000,
  reservedHostMemoryMb: 0,
  cpuAllocationRatio: 1,
}

/** Makes the cloud; nothing lives before it is booted. */
export function createCloud(options: CloudOptions): Cloud {
  const { time, random, weather, tell, log, sabotage } = options
  const ids = (name: string): Ids => seededIds(random.fork(name))
  const store = options.storage.begin({ time, weather, tell })
  const neutron = createNeutron({ time, ids: ids('neutron'), weather, tell })
  const volumes = new SmallVolumes()
  const passThrough = { ask: () => Promise.reject(new Error('nothing is passed through here')) }
  const broker = createBroker({
    time,
    tell,
    weather: {
      fateOf: (topic, method) => (sabotage.swallows?.(topic, method) ? [] : weather.fateOf(topic, method)),
      keeps: weather.keeps,
      isDown: weather.isDown,
    },
  })
  const machines: Machine[] = []
  const failures = createFailureCounter()
  const running = new Map<string, Process>()
  const listeners = new Map<string, Listener>()
  const apis = new Map<string, { readonly life: Life; readonly services: ApiServices }>()
  const alive = <T extends { readonly life: Life }>(all: Map<string, T>) =>
    [...all.values()].filter(({ life }) => life.alive)

  const commonOf = (life: Life) => {
    const http = httpClient({ life, time, weather, listener: () => alive(listeners)[0] })
    const db = store.connect(life)
    const networks = neutron.connect(life)
    const placement = placementClient(http, life)
    return {
      db,
      bus: broker.connect(life),
      volumes,
      networks: sabotage.networks?.(networks, db) ?? networks,
      placement: sabotage.placement?.(placement) ?? placement,
      clock: life.clock,
      ids: ids(life.name),
      log: log.child({ process: life.name }),
    }
  }

  /** What begins with a life; answers how it stops in order. */
  const begins: Record<Kind, (life: Life, machine: Machine | undefined) => Promise<() => Promise<void>>> = {
    async placement(life) {
      const { db, ids, log } = commonOf(life)
      listeners.set('placement', await startPlacement(life, { db, ids, log }))
      return async () => undefined
    },
    async api(life) {
      const services = { ...commonOf(life), identity: { validate: async () => caller }, images, passThrough }
      apis.set(life.name, { life, services })
      return async () => undefined
    },
    async scheduler(life) {
      const scheduler = createScheduler({ ...commonOf(life), random: random.fork(life.name).next })
      await scheduler.start()
      return () => scheduler.close()
    },
    async conductor(life) {
      const conductor = createConductor({
        ...commonOf(life),
        images,
        config: { ...conductorConfig, ...sabotage.conductor },
      })
      await conductor.start()
      return () => conductor.close()
    },
    async compute(life, machine) {
      if (!machine) throw new Error('a compute needs a host')
      const { clock } = life
      const driver = createSimulatedDriver({ clock, failures, journal: machine.journal(life), ...HOST_SIZE })
      const config = { ...computeConfig, resumeGuests: options.resumeGuests }
      const compute = createCompute({ ...commonOf(life), host: machine.name, driver, images, config })
      await compute.start()
      return () => compute.close()
    },
  }

  const processOf = (kind: Kind, number: number): Process => {
    const name = `${kind}-${number}`
    const machine = kind === 'compute' ? createMachine(name, tell) : undefined
    if (machine) machines.push(machine)
    const skewMs = random.fork(`clock of ${name}`).between(0, MOST_SKEW_MS)
    let lives = 0
    let isOver = false
    let life: Life | undefined
    let stop: (() => Promise<void>) | undefined

    const comeBack = (downMs: number) => void time.after(downMs, boot)
    let downMs = 0
    const boot = () => {
      if (life?.alive || isOver) return
      const mine = createLife(`${name}#${++lives}`, { time, host: machine?.name ?? name, tell, skewMs })
      life = mine
      stop = undefined
      downMs = 1_000
      mine.onCut(() => comeBack(downMs))
      tell(`${mine.name} boots`)
      begins[kind](mine, machine).then(
        (close) => {
          if (life === mine) stop = close
        },
        (error: unknown) => {
          tell(`${mine.name} does not start: ${String(error)}`)
          mine.cutAfter(0)
        },
      )
    }
    return {
      name,
      kind,
      machine,
      get life() {
        return life?.alive ? life : undefined
      },
      boot,
      kill(steps, ms) {
        downMs = ms
        life?.cutAfter(steps)
      },
      restart(ms) {
        const mine = life
        if (!mine?.alive) return
        tell(`${mine.name} stops`)
        downMs = ms
        const gone = () => mine.cutAfter(0)
        time.after(STOP_MS, gone)
        stop?.().then(gone, gone)
      },
      losePower(ms) {
        if (!machine || !life?.alive) return
        tell(`${machine.name} loses power`)
        downMs = ms
        life.cutAfter(0)
        machine.losePower()
      },
      spare: () => life?.cutAfter(Number.POSITIVE_INFINITY),
      end() {
        isOver = true
        life?.cutAfter(0)
      },
    }
  }

  for (const kind of KINDS)
    for (let number = 1; number <= COUNTS[kind]; number++) {
      const process = processOf(kind, number)
      running.set(process.name, process)
    }
  return {
    processes: [...running.values()],
    machines,
    neutron,
    store,
    broker,
    apis: () => alive(apis).filter(({ life }) => life.alive),
    placement: () => alive(listeners)[0],
  }
}

const caller = { ...serviceToken, userId: 'ada', projectId: 'project', roles: ['member', 'reader'] }
