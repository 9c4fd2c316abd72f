/** The Neutron stand-in put together: its API, its plane, and the metadata agent. */
import type { Clock } from '#lib/clock.ts'
import type { Database } from '#db/kit/index.ts'
import { type Fault, FAULT_STATUS, type FaultKind } from '#lib/fault.ts'
import { createHttpApp, type HttpApp } from '#lib/http/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Identity } from '#neighbours/identity/port.ts'
import { authenticate, type NeutronCaller } from './caller.ts'
import { addKind, type Neutron } from './controller.ts'
import type { Work } from './kind.ts'
import { floatingIp } from './kinds/floating-ip.ts'
import { network } from './kinds/network.ts'
import { port } from './kinds/port.ts'
import { router } from './kinds/router.ts'
import { securityGroupRule } from './kinds/security-group-rule.ts'
import { securityGroup } from './kinds/security-group.ts'
import { subnet } from './kinds/subnet.ts'
import { createMetadataAgent, type MetadataAgent, type MetadataUpstream } from './metadata-agent.ts'
import { migrations, type NeutronTables } from './migrations.ts'
import { addExtensions, addQuotas, addRest, addRouterActions, addTags, addVersions } from './more-routes.ts'
import type { NetworkPlane, PlaneState } from './plane/port.ts'
import { firstProjectNetwork, provision, type ProvisionInput, type Provisioned } from './provision.ts'
import { checkQuota, QUOTA_DEFAULTS, type Quotas } from './quotas.ts'
import { listDocs, type NeutronDb } from './store.ts'

/** Told after the change is written; returns at once. */
export type TellServers = (events: readonly { readonly serverId: string; readonly portId: string }[]) => void

export interface NeutronDeps {
  readonly db: Database
  readonly identity: Identity
  readonly plane: NetworkPlane
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  /** Where clients find the API (`http://127.0.0.1:8774/network`), without a trailing slash. */
  readonly publicUrl: string
  /** The name of this machine, for the agents list. */
  readonly host: string
  /** Nova's metadata service and the secret shared with it; without them guests have config drives only. */
  readonly metadata?: { readonly upstream: MetadataUpstream; readonly sharedSecret: string }
  /** Hears of servers' ports that were given floating IPs, or lost them. Left out: nobody does. */
  readonly tellServers?: TellServers
  /** Default limits that differ from Neutron's own. */
  readonly quotas?: Partial<Quotas>
}

export interface NeutronService {
  readonly app: HttpApp
  /** Makes the tables, and begins to bring up the networks in the background. */
  start(): Promise<void>
  /** The networks of a first start; once they are there, nothing changes. */
  provision(input: ProvisionInput): Promise<Provisioned>
  /** Takes the networks down and stops answering. */
  close(): Promise<void>
}

const MAX_BODY_BYTES = 1_048_576

export function createNeutron(deps: NeutronDeps): NeutronService {
  const db: NeutronDb = deps.db.typed<NeutronTables>()
  const quotas: Quotas = { ...QUOTA_DEFAULTS, ...deps.quotas }
  const addressCursors = new Map<string, bigint>()
  const write = async <T>(caller: NeutronCaller, work: (work: Work) => Promise<T>): Promise<T> => {
    let touched: string[] = []
    const result = await deps.db.transaction<NeutronTables, T>((trx) => {
      touched = []
      return work({
        db: trx,
        caller,
        clock: deps.clock,
        ids: deps.ids,
        addressCursors,
        plane: deps.plane,
        checkQuota: (kind, projectId) => checkQuota(trx, kind, projectId, quotas),
        touchPort: (portId) => void touched.push(portId),
      })
    })
    await tellOf(deps, db, touched)
    return result
  }
  const neutron: Neutron = {
    db,
    publicUrl: deps.publicUrl,
    caller: (request) => authenticate(deps.identity, request),
    write,
    plane: deps.plane,
    changed: () => deps.plane.changed(),
    settle: async (networkIds) => {
      try {
        await deps.plane.settled(networkIds)
        return { failed: undefined }
      } catch (error) {
        deps.log.error({ err: error }, 'the network plane did not come up')
        return { failed: error }
      }
    },
  }
  const app = createApp(deps, neutron, quotas)
  const agent = agentFor(deps, db)
  return {
    app,
    async start() {
      await deps.db.migrate('neutron', migrations)
      await deps.plane.start(() => loadState(db))
      await agent?.start()
    },
    provision: async (input) => {
      const result = await provision(write, deps.plane, input)
      deps.plane.changed()
      return result
    },
    async close() {
      await app.close()
      await agent?.close()
      await deps.plane.close()
    },
  }
}

/** Of these ports, the ones that are servers' are told of. */
async function tellOf(
  { tellServers }: NeutronDeps,
  db: NeutronDb,
  portIds: readonly string[],
): Promise<void> {
  if (!tellServers || portIds.length === 0) return
  const ports = await listDocs(db, 'port', { ids: portIds })
  const events = ports
    .filter((each) => each.device_owner.startsWith('compute:'))
    .map((each) => ({ serverId: each.device_id, portId: each.id }))
  if (events.length > 0) tellServers(events)
}

function agentFor(deps: NeutronDeps, db: NeutronDb): MetadataAgent | undefined {
  const socket = deps.plane.metadataSocket
  if (!socket || !deps.metadata) return undefined
  return createMetadataAgent({ db, log: deps.log, socket, ...deps.metadata })
}

function createApp(deps: NeutronDeps, neutron: Neutron, quotas: Quotas): HttpApp {
  const app = createHttpApp({
    log: deps.log,
    ids: deps.ids,
    maxBodyBytes: MAX_BODY_BYTES,
    renderFault: (fault) => renderFault(fault),
    mergeSlashes: true,
  })
  addVersions(app, neutron)
  addKind(app, neutron, network)
  addKind(app, neutron, subnet)
  addKind(app, neutron, port)
  addKind(app, neutron, router)
  addKind(app, neutron, floatingIp)
  addKind(app, neutron, securityGroup)
  addKind(app, neutron, securityGroupRule)
  addTags(app, neutron, network)
  addTags(app, neutron, subnet)
  addTags(app, neutron, port)
  addTags(app, neutron, router)
  addTags(app, neutron, floatingIp)
  addTags(app, neutron, securityGroup)
  addRouterActions(app, neutron)
  addQuotas(app, neutron, quotas)
  addExtensions(app, neutron)
  addRest(app, neutron, () => agentsOf(deps))
  return app
}

const UNAUTHORIZED = {
  error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' },
}

const TYPES: { readonly [K in FaultKind]?: string } = {
  badRequest: 'HTTPBadRequest',
  forbidden: 'HTTPForbidden',
  notFound: 'HTTPNotFound',
  methodNotAllowed: 'HTTPMethodNotAllowed',
  conflict: 'HTTPConflict',
  tooLarge: 'HTTPRequestEntityTooLarge',
}

function renderFault(fault: Fault) {
  if (fault.kind === 'unauthorized')
    return { body: UNAUTHORIZED, headers: { 'www-authenticate': 'Keystone' } }
  const unexpected = fault.status >= FAULT_STATUS.internal
  const message =
    unexpected && fault.code === undefined
      ? 'Request Failed: internal server error while processing your request.'
      : fault.message
  const type = fault.code ?? TYPES[fault.kind] ?? (unexpected ? 'HTTPInternalServerError' : 'HTTPClientError')
  return { body: { NeutronError: { type, message, detail: '' } } }
}

async function loadState(db: NeutronDb): Promise<PlaneState> {
  return {
    networks: await listDocs(db, 'network'),
    subnets: await listDocs(db, 'subnet'),
    ports: await listDocs(db, 'port'),
    routers: await listDocs(db, 'router'),
    floatingIps: await listDocs(db, 'floatingip'),
    rules: await listDocs(db, 'security_group_rule'),
    hostRoutedNetworkId: (await firstProjectNetwork(db)) ?? null,
  }
}

const AGENTS = [
  ['Linux bridge agent', 'neutron-linuxbridge-agent', null],
  ['DHCP agent', 'neutron-dhcp-agent', 'nova'],
  ['L3 agent', 'neutron-l3-agent', 'nova'],
  ['Metadata agent', 'neutron-metadata-agent', null],
] as const

/** The work of Neutron's agents is done by the plane: when it serves, they are alive. */
function agentsOf(deps: NeutronDeps): Record<string, unknown>[] {
  if (!deps.plane.serves) return []
  const now = new Date(deps.clock.now()).toISOString().slice(0, 19).replace('T', ' ')
  return AGENTS.map(([agent_type, binary, zone], i) => ({
    id: `00000000-0000-4000-8000-00000000000${i + 1}`,
    agent_type,
    binary,
    host: deps.host,
    alive: true,
    admin_state_up: true,
    availability_zone: zone,
    topic: 'N/A',
    heartbeat_timestamp: now,
    started_at: now,
    created_at: now,
    configurations: {},
    resources_synced: null,
    description: null,
  }))
}
