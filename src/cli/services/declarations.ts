/** The services that run as processes of their own: where each listens, and what it is made of. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '#config/index.ts'
import type { VirtDriver } from '#virt/port.ts'
import type { Mount } from '../up/front-door.ts'
import { lockDirectory } from '../up/lock.ts'
import { computeIdentity } from './compute-identity.ts'
import { qemuDriver, simulatedDrivers } from './drivers.ts'
import { makeApi, makeCompute, makeConductor, makeMetadata, makeNoVncProxy, makeScheduler } from './make.ts'
import { publicUrlsOf, type World } from './world.ts'

interface Made {
  /** What it serves, for those that listen. */
  readonly mounts?: readonly Mount[]
  start(): Promise<void>
  close(): Promise<void>
}

export interface ServiceDeclaration {
  /** Where; undefined for those that are asked by the bus only. */
  readonly listens?: (config: Config) => { readonly host: string; readonly port: number }
  /** Its port is asked by guests, whom the service's health does not concern. */
  readonly servesGuests?: true
  make(world: World): Promise<Made>
}

export const SERVICES = {
  'nova-api': {
    listens: ({ DEFAULT }) => ({
      host: DEFAULT.osapi_compute_listen,
      port: DEFAULT.osapi_compute_listen_port,
    }),
    async make(world) {
      const api = makeApi({
        ...world,
        db: await world.database(),
        bus: world.bus(),
        neighbours: world.neighbours(),
        policy: await world.policy(),
        urls: publicUrlsOf(world.config),
      })
      return { mounts: [{ prefix: '', app: api.app }], start: () => api.start(), close: () => api.close() }
    },
  },
  'nova-conductor': {
    make: async (world) =>
      makeConductor({
        ...world,
        db: await world.database(),
        bus: world.bus(),
        neighbours: world.neighbours(),
        sole: false,
      }),
  },
  'nova-scheduler': {
    make: async (world) =>
      makeScheduler({
        ...world,
        db: await world.database(),
        bus: world.bus(),
        neighbours: world.neighbours(),
      }),
  },
  'nova-compute': {
    make: makeComputeOf,
  },
  'nova-novncproxy': {
    listens: ({ vnc }) => ({ host: vnc.novncproxy_host, port: vnc.novncproxy_port }),
    async make(world) {
      const proxy = makeNoVncProxy({ ...world, bus: world.bus() })
      const { app } = proxy
      return {
        mounts: [{ prefix: '', app, handleUpgrade: proxy.handleUpgrade }],
        start: async () => {
          await app.ready()
        },
        close: () => proxy.close(),
      }
    },
  },
  'nova-metadata': {
    listens: ({ DEFAULT }) => ({ host: DEFAULT.metadata_listen, port: DEFAULT.metadata_listen_port }),
    servesGuests: true,
    async make(world) {
      const metadata = makeMetadata({ ...world, db: await world.database(), secret: '' })
      return {
        mounts: [{ prefix: '', app: metadata.app }],
        start: () => metadata.start(),
        close: () => metadata.close(),
      }
    },
  },
} as const satisfies Readonly<Record<string, ServiceDeclaration>>

export type ServiceName = keyof typeof SERVICES

/** How long a start waits until the host is registered. */
const REGISTER_MS = 1_000

async function makeComputeOf(world: World): Promise<Made> {
  const { config } = world
  const { state_path: stateDir, host } = config.DEFAULT
  mkdirSync(stateDir, { recursive: true })
  // Two computes of one directory would both care for its guests.
  const lock = await lockDirectory(stateDir)
  lock.describe(`process ${process.pid}, nova-compute of ${host}`)
  const compute = makeCompute({
    ...world,
    bus: world.bus(),
    neighbours: world.neighbours(),
    host,
    driver: await driverOf(world, stateDir),
    log: world.logOf('nova-compute'),
    forceConfigDrive: false,
    identity: computeIdentity(stateDir, world.ids),
    onTaken: world.fail,
  })
  world.checks['registered'] = async () => {
    if (!compute.isKnown())
      throw new Error('the conductor does not know the host yet, or Placement was not asked')
  }
  return {
    async start() {
      // It does what it can while those who are to know of it are away.
      const started = compute.start()
      started.catch((error: Error) => world.fail(error))
      await Promise.race([started, world.clock.sleep(REGISTER_MS)])
    },
    async close() {
      if (world.stopGuests) await compute.stopGuests()
      await compute.close()
      await lock.release()
    },
  }
}

/** `compute_driver`: `fake.FakeDriver` is the simulated one, anything else QEMU. */
async function driverOf({ config, clock, logOf }: World, stateDir: string): Promise<VirtDriver> {
  const { compute_driver: name, host } = config.DEFAULT
  if (/fake|simulated/i.test(name ?? ''))
    return (await simulatedDrivers(clock))(join(stateDir, 'simulated', `${host}.jsonl`))
  return qemuDriver({ config, stateDir, clock, log: logOf('virt') })
}
