/** A compute API over an in-memory database and neighbours made of plain objects, for tests that go through HTTP. */
import { type ApiConfig, createApi, type Services } from '#api/index.ts'
import type { Bus } from '#bus/port.ts'
import { createInProcessBus } from '#bus/in-process.ts'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import type { Image } from '#model/image/index.ts'
import type { Identity, TokenInfo } from '#neighbours/identity/port.ts'
import type { Network, Networks, Port, SecurityGroup } from '#neighbours/networks/port.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import { createPolicy, type Policy } from '#policy/index.ts'
import type { TestContext } from 'node:test'
import { SmallVolumes } from '../../small-volumes.ts'

export const PROJECT = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
export const OTHER_PROJECT = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'
export const IMAGE_ID = '70a599e0-31e7-49b7-b260-868f441e862b'
export const NETWORK_ID = 'ff608d40-75e9-48cb-b745-77bb55b5eaf2'

const tokenOf = (userId: string, projectId: string, roles: string[]): TokenInfo => ({
  userId,
  projectId,
  roles,
  userDomainId: 'default',
  projectDomainId: 'default',
  domainId: null,
  systemScope: null,
  expiresAt: Number.MAX_SAFE_INTEGER,
})

const ADMIN_PROJECT = 'cccccccccccccccccccccccccccccccc'

/** Who there is, by token. */
export const TOKENS: Readonly<Record<string, TokenInfo>> = {
  demo: tokenOf('demo-user', PROJECT, ['member', 'reader']),
  reader: tokenOf('reader-user', PROJECT, ['reader']),
  alt: tokenOf('alt-user', OTHER_PROJECT, ['member', 'reader']),
  admin: tokenOf('admin-user', ADMIN_PROJECT, ['admin', 'manager', 'member', 'reader']),
  manager: tokenOf('manager-user', PROJECT, ['manager', 'member', 'reader']),
  service: tokenOf('service-user', ADMIN_PROJECT, ['service']),
  outcast: tokenOf('outcast-user', PROJECT, []),
}

export const testConfig: ApiConfig = {
  authUri: 'http://127.0.0.1/identity/v3',
  linkPrefix: null,
  glanceLinkPrefix: null,
  propertiesNotInherited: ['cache_in_nova', 'bittorrent'],
  maxLimit: 1000,
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
  vncEnabled: true,
  novncproxyBaseUrl: 'http://127.0.0.1:6080/vnc_auto.html',
  consoleTokenTtlMs: 600_000,
}

const image: Image = {
  id: IMAGE_ID,
  name: 'tiny',
  status: 'active',
  visibility: 'public',
  owner: PROJECT,
  diskFormat: 'qcow2',
  containerFormat: 'bare',
  size: 1024,
  virtualSize: 1 << 20,
  minDiskGb: 0,
  minRamMb: 0,
  checksum: null,
  osHashAlgo: null,
  osHashValue: null,
  properties: {},
}

const network: Network = {
  id: NETWORK_ID,
  name: 'private',
  projectId: PROJECT,
  shared: false,
  external: false,
  subnetIds: ['dddddddd-0000-4000-8000-000000000001'],
  mtu: 1450,
}

const defaultGroup: SecurityGroup = {
  id: 'eeeeeeee-0000-4000-8000-000000000001',
  name: 'default',
  description: 'Default security group',
  projectId: PROJECT,
  rules: [],
}

/** What the neighbours have; a test changes it as it likes. */
export interface Neighbourhood {
  images: Image[]
  networks: Network[]
  ports: Port[]
  securityGroups: SecurityGroup[]
  /** What Placement was told of aggregates: the provider, and the change. */
  aggregateChanges: unknown[]
  /** The providers that Placement was to forget. */
  removedProviders: string[]
  /** What Placement says that projects use. */
  usages: Record<string, Readonly<Record<string, number>>>
  volumes: SmallVolumes
  /** Keystone's limits, by resource: those of all, and those of projects. */
  limits: { registered: Record<string, number>; projects: Record<string, Record<string, number>> }
}

const unasked = (name: string) => () => Promise.reject(new Error(`${name} is not asked by the API`))

function networksOf(there: Neighbourhood): Networks {
  const groupsOf = (filter?: { ids?: readonly string[]; names?: readonly string[] }) =>
    there.securityGroups.filter(
      ({ id, name }) => !filter || filter.ids?.includes(id) === true || filter.names?.includes(name) === true,
    )
  return {
    available: async (caller) =>
      there.networks.filter((each) => each.shared || each.projectId === caller.projectId),
    visible: async (caller) =>
      there.networks.filter((each) => each.shared || each.external || each.projectId === caller.projectId),
    findNetworks: async (ids, caller) =>
      there.networks.filter(
        (each) => ids.includes(each.id) && (each.shared || each.projectId === caller.projectId),
      ),
    findPort: async (id) => there.ports.find((port) => port.id === id),
    securityGroups: async (_caller, filter) => groupsOf(filter),
    portsLeft: async () => undefined,
    allocate: unasked('allocate'),
    release: unasked('release'),
    async attach({ instanceUuid, host }, { networkId, portId, fixedIp, tag }) {
      const id = portId ?? randomIds.uuid()
      const made: Port = {
        id,
        networkId,
        projectId: PROJECT,
        macAddress: 'fa:16:3e:00:00:09',
        fixedIps: [{ subnetId: 'dddddddd-0000-4000-8000-000000000001', ipAddress: fixedIp ?? '10.0.0.9' }],
        deviceId: instanceUuid,
        deviceOwner: 'compute:nova',
        status: 'ACTIVE',
        securityGroupIds: [],
        bindingHost: host,
        vifType: 'bridge',
        vnicType: 'normal',
      }
      there.ports = [...there.ports.filter((port) => port.id !== id), made]
      return {
        id,
        macAddress: made.macAddress,
        network: { id: networkId, label: 'private', mtu: 1450 },
        fixedIps: [],
        type: 'bridge',
        vnicType: 'normal',
        devname: `tap${id}`.slice(0, 14),
        details: {},
        active: true,
        preexisting: portId !== null,
        tag,
      }
    },
    async detach(portId) {
      there.ports = there.ports.filter((port) => port.id !== portId)
    },
    vifs: async () => [],
    ports: async (uuid) => there.ports.filter((port) => port.deviceId === uuid),
    securityGroupsOf: async (uuids) => new Map(uuids.map((uuid) => [uuid, there.securityGroups])),
  }
}

const placementOf = (there: Neighbourhood): PlacementClient => ({
  syncProvider: unasked('syncProvider'),
  candidates: unasked('candidates'),
  traitsOf: async () => [],
  claim: unasked('claim'),
  claimAll: unasked('claimAll'),
  move: unasked('move'),
  release: async () => {},
  allocationsOf: async () => ({}),
  allocationsOn: async () => ({}),
  usagesOf: async (projectId) => there.usages[projectId] ?? {},
  removeProvider: async (provider) => {
    there.removedProviders.push(provider)
  },
  changeAggregates: async (provider, change) => {
    there.aggregateChanges.push([provider, change])
  },
})

export interface Request {
  readonly as?: keyof typeof TOKENS | null
  /** The microversion; none is sent when left out. */
  readonly at?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  // biome-ignore lint: bodies are looked into freely by tests
  readonly body: Record<string, unknown>
  readonly text: string
}

export interface TestApi {
  /** Sends `GET /v2.1/servers` and the like; a path that begins with `//` is taken from the root. */
  send(route: string, request?: Request): Promise<Response>
  readonly db: Database
  readonly bus: Bus
  readonly there: Neighbourhood
}

/** What a compute API is given: nothing is in the database, and its tables are not made yet. */
export function testServices(
  config: Partial<ApiConfig> = {},
  databaseUrl = 'sqlite://',
): Services & { readonly there: Neighbourhood } {
  const there: Neighbourhood = {
    images: [image],
    networks: [network],
    ports: [],
    securityGroups: [defaultGroup],
    aggregateChanges: [],
    removedProviders: [],
    usages: {},
    volumes: new SmallVolumes(),
    limits: { registered: {}, projects: {} },
  }
  return {
    there,
    db: openDatabase(databaseUrl),
    bus: createInProcessBus(),
    identity: { validate: async (token) => TOKENS[token] },
    projects: { exists: async (id) => id !== 'nobody' },
    unifiedLimits: {
      registered: async () => there.limits.registered,
      ofProject: async (id) => there.limits.projects[id] ?? {},
    },
    images: {
      find: async (id) => there.images.find((each) => each.id === id),
      findAsService: async (id) => there.images.find((each) => each.id === id),
      download: unasked('download'),
      create: async (asked) => {
        const { diskFormat, containerFormat, name, minDiskGb, minRamMb, properties, sharedWith } = asked
        const visibility = sharedWith === undefined ? 'private' : 'shared'
        const id = randomIds.uuid()
        const given = { id, name, diskFormat, containerFormat, minDiskGb, minRamMb, properties }
        const made: Image = {
          ...image,
          ...given,
          visibility,
          status: 'queued',
          size: null,
          virtualSize: null,
        }
        there.images.push(made)
        return made
      },
      upload: async (id, { diskFormat, containerFormat }) => {
        const at = there.images.findIndex((image) => image.id === id)
        const image = there.images[at]
        if (image) there.images[at] = { ...image, diskFormat, containerFormat, status: 'active' }
      },
      remove: async (id) => {
        there.images = there.images.filter((each) => each.id !== id)
      },
      listByProperties: unasked('listByProperties'),
    },
    networks: networksOf(there),
    placement: placementOf(there),
    volumes: there.volumes,
    passThrough: { ask: unasked('pass-through') },
    policy: createPolicy({ enforceScope: true }),
    log: silentLog,
    ids: randomIds,
    clock: { now: () => Date.now(), sleep: async () => {} },
    config: { ...testConfig, ...config },
  }
}

/** What a test brings along. */
export interface OwnServices {
  readonly databaseUrl?: string
  readonly policy?: Policy
  readonly identity?: Identity
  readonly passThrough?: Services['passThrough']
}

/** A compute API with nothing in it, closed when the test ends. */
export async function startApi(
  t: Pick<TestContext, 'after'>,
  config: Partial<ApiConfig> = {},
  { databaseUrl, ...own }: OwnServices = {},
): Promise<TestApi> {
  const { there, ...services } = { ...testServices(config, databaseUrl), ...own }
  const { db, bus } = services
  await db.migrate('nova', NOVA_MIGRATIONS)
  const api = createApi(services)
  await api.start()
  t.after(async () => {
    await api.close()
    await bus.close()
    await db.close()
  })
  return { send: (route, request = {}) => inject(api.app, route, request), db, bus, there }
}

async function inject(
  app: ReturnType<typeof createApi>['app'],
  route: string,
  request: Request,
): Promise<Response> {
  const [method = 'GET', path = '/'] = route.split(' ')
  const { as = 'demo', at, body, headers = {} } = request
  const answer = await app.inject({
    method: method as 'GET',
    url: path.startsWith('//') ? path.slice(1) : `/v2.1${path}`,
    headers: {
      ...(as !== null && { 'x-auth-token': as }),
      ...(at !== undefined && { 'openstack-api-version': `compute ${at}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const isPage = answer.headers['content-type']?.toString().startsWith('text/html') === true
  const json = answer.body === '' || isPage ? {} : (JSON.parse(answer.body) as Record<string, unknown>)
  return { status: answer.statusCode, headers: answer.headers, body: json, text: answer.body }
}
