/**
 * The compute API, made once and shared by all runs, since making it costs more than a run: whose request
 * it answers, and so whose database and neighbours it uses, goes along with the request.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Kysely } from 'kysely'
import { type ApiConfig, createApi, type Services } from '#api/index.ts'
import type { Database } from '#db/kit/index.ts'
import { silentLog } from '#lib/log.ts'
import { createPolicy } from '#policy/index.ts'

export interface ApiAnswer {
  readonly status: number
  readonly text: string
}

export interface SharedApi {
  /** Answers as the API of a process with these services. */
  ask(
    services: ApiServices,
    request: { readonly method: 'GET' | 'POST' | 'DELETE'; readonly url: string; readonly json?: unknown },
  ): Promise<ApiAnswer>
}

export type ApiServices = Omit<Services, 'policy' | 'log' | 'config' | 'projects'>

const config: ApiConfig = {
  authUri: 'http://identity/v3',
  linkPrefix: 'http://compute',
  glanceLinkPrefix: 'http://image',
  propertiesNotInherited: [],
  maxLimit: 1_000,
  maxBodyBytes: 114_688,
  enableInstancePassword: true,
  passwordLength: 12,
  defaultAvailabilityZone: 'nova',
  internalServiceAvailabilityZone: 'internal',
  defaultScheduleZone: null,
  serviceDownTimeMs: 60_000,
  quota: {
    instances: 10,
    cores: 20,
    ramMb: 51_200,
    metadataItems: 128,
    injectedFiles: 5,
    injectedFileContentBytes: 10_240,
    injectedFilePathBytes: 255,
    keyPairs: 100,
    serverGroups: 10,
    serverGroupMembers: 10,
  },
  maxLocalBlockDevices: 3,
  attachesAcrossZones: true,
  defaultFloatingPool: 'nova',
  quotaDriver: 'database',
  unifiedLimits: { required: 'named', names: ['servers'] },
  usageAuditPeriod: { unit: 'month', offset: 0 },
  reclaimsInstances: false,
  offloadsAtOnce: true,
  resizesOnSameHost: false,
  vncEnabled: false,
  novncproxyBaseUrl: '',
  consoleTokenTtlMs: 600_000,
}

export const QUOTA = config.quota

/** Stands for an object that is only known when it is used. */
const later = <T extends object>(find: () => T): T =>
  new Proxy({} as T, {
    get(_target, key) {
      const real = find()
      const value: unknown = Reflect.get(real, key)
      return typeof value === 'function' ? (value.bind(real) as unknown) : value
    },
  })

export async function openSharedApi(): Promise<SharedApi> {
  const storage = new AsyncLocalStorage<ApiServices>()
  const here = (): ApiServices => {
    const services = storage.getStore()
    if (!services) throw new Error('the API does something that nobody asked for')
    return services
  }
  const passed = <K extends Exclude<keyof ApiServices, 'unifiedLimits'>>(name: K): ApiServices[K] =>
    later(() => here()[name])
  const db: Database = {
    dialect: 'sqlite',
    // Routes keep what this gives.
    typed: <DB>() => later<Kysely<DB>>(() => here().db.typed<DB>()),
    migrate: async () => undefined,
    pool: () => undefined,
    transaction: (work) => here().db.transaction(work),
    close: async () => undefined,
  }
  const api = createApi({
    db,
    bus: passed('bus'),
    identity: passed('identity'),
    projects: { exists: async () => true },
    images: passed('images'),
    networks: passed('networks'),
    placement: passed('placement'),
    volumes: passed('volumes'),
    passThrough: passed('passThrough'),
    ids: passed('ids'),
    clock: passed('clock'),
    policy: createPolicy({ enforceScope: true }),
    log: silentLog,
    config,
  })
  await api.start()
  return {
    ask: (services, { method, url, json }) =>
      storage.run(services, async () => {
        const response = await api.app.inject({
          method,
          url: `/v2.1${url}`,
          headers: {
            'x-auth-token': 'ada',
            'openstack-api-version': 'compute 2.90',
            ...(json !== undefined && { 'content-type': 'application/json' }),
          },
          ...(json !== undefined && { payload: JSON.stringify(json) }),
        })
        return { status: response.statusCode, text: response.payload }
      }),
  }
}
