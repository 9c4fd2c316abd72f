/** The broker, Keystone and its catalog, Placement, and the clock that tokens are dated by. */
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '#lib/clock.ts'
import { randomIds } from '#lib/ids.ts'
import { HttpFailure } from '#lib/http/index.ts'
import { type Log, silentLog } from '#lib/log.ts'
import { createMetrics } from '#lib/metrics.ts'
import { reasonOf } from '#lib/undo.ts'
import { createPlacementUpkeep } from '#neighbours/placement/index.ts'
import { makeBus } from '../services/bus.ts'
import { authtokenSession, placementSession } from '../services/neighbours.ts'
import { type Check, failed, type Finding, ok, type Patient, warning } from './check.ts'

const CONNECT_MS = 3_000
const POLL_MS = 50
const ASK_MS = 5_000
const MS = 1_000
/** `Date` headers have whole seconds. */
const CLOCKS_APART_MS = 3_000

/** What the catalog must have, and what the services miss without it. */
const SERVICES = [
  { type: 'compute', needed: 'clients find nothing', isVital: true },
  { type: 'placement', needed: 'nothing can be scheduled', isVital: true },
  { type: 'image', needed: 'nothing can be booted from an image', isVital: true },
  { type: 'network', needed: 'servers get no ports', isVital: true },
  { type: 'volumev3', needed: 'servers get no volumes', isVital: false },
] as const

/** What the broker, or the way to it, has against us, and what mends that. */
const BUS_MENDS: readonly (readonly [RegExp, string])[] = [
  [
    /ACCESS_REFUSED|\b403\b/i,
    'correct USER:PASSWORD in [DEFAULT] transport_url, or on the broker: rabbitmqctl change_password USER PASSWORD',
  ],
  [
    /NOT_ALLOWED|\b530\b|access to vhost|ConnectionOpenOk/i,
    "on the broker: rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*', or correct the path of [DEFAULT] transport_url",
  ],
  [
    /certificate|self.signed|issuer/i,
    'set [oslo_messaging_rabbit] ssl_ca_file to whom the broker was certified by',
  ],
  [/ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/, 'correct the host in [DEFAULT] transport_url'],
]

/** Keeps the last reason why there was no connection. */
function listening(): { readonly log: Log; reason(): string } {
  let reason = ''
  const hear = (fields: object): void => {
    if ('error' in fields && typeof fields.error === 'string') reason = fields.error
  }
  const log: Log = { ...silentLog, warn: hear, debug: hear, child: () => log }
  return { log, reason: () => reason }
}

const bus: Check = {
  name: 'bus',
  mend: 'start RabbitMQ, or correct [DEFAULT] transport_url',
  async run({ config }) {
    if (config.DEFAULT.transport_url.startsWith('in-process'))
      return [
        warning(
          'transport_url is in-process: services in other processes hear nothing',
          'set [DEFAULT] transport_url = rabbit://USER:PASSWORD@HOST:5672/',
        ),
      ]
    const { log, reason } = listening()
    const made = makeBus({
      config,
      clock: systemClock,
      ids: randomIds,
      metrics: createMetrics(),
      logOf: () => log,
    })
    try {
      const until = performance.now() + CONNECT_MS
      while (!made.isConnected() && performance.now() < until) await delay(POLL_MS)
      if (made.isConnected()) return [ok('connected to the broker')]
      const mend = BUS_MENDS.find(([sign]) => sign.test(reason()))?.[1] ?? this.mend
      return [failed(`no connection within ${CONNECT_MS / MS} s: ${reason()}`, mend)]
    } finally {
      await made.close()
    }
  },
}

/** Said once, with the check of Keystone itself. */
const ofKeystone = (error: unknown): string | undefined =>
  error instanceof HttpFailure || reasonOf(error).startsWith('The identity service')
    ? 'see keystone above'
    : undefined

const keystone: Check = {
  name: 'keystone',
  mend: 'correct [keystone_authtoken]: auth_url, username, password, project_name',
  mendOf: (error) =>
    /could not be reached/.test(reasonOf(error))
      ? 'start Keystone, or correct [keystone_authtoken] auth_url'
      : undefined,
  async run(patient) {
    await sessionOf(patient).headers()
    return [ok(`a token for ${patient.config.keystone_authtoken.username}`)]
  },
}

const sessionOf = ({ config, http }: Patient) =>
  authtokenSession(config, { http, clock: systemClock }).session

const clock: Check = {
  name: 'clock',
  mend: 'run chrony (or systemd-timesyncd) here and where Keystone runs',
  mendOf: ofKeystone,
  async run({ config, http, now }) {
    const url = config.keystone_authtoken.auth_url ?? ''
    const { headers } = await http.send({ method: 'GET', url, timeoutMs: ASK_MS })
    const told = Date.parse(String(headers['date']))
    if (Number.isNaN(told)) return [warning('Keystone does not tell the time', this.mend)]
    const apartMs = Math.abs(now() - told - MS / 2)
    const says = `within ${Math.ceil(apartMs / MS)} s of Keystone's`
    return apartMs <= CLOCKS_APART_MS
      ? [ok(says)]
      : [failed(`not ${says}`.replace('not within', 'off by'), this.mend)]
  },
}

const catalog: Check = {
  name: 'catalog',
  mend: 'see keystone above',
  async run(patient) {
    const session = sessionOf(patient)
    // Without a token there is no catalog: said once, not for each service.
    await session.headers()
    return Promise.all(
      SERVICES.map(async ({ type, needed, isVital }): Promise<Finding> => {
        try {
          const url = await endpointOf(patient, type)
          const { status } = await patient.http.send({ method: 'GET', url, timeoutMs: ASK_MS })
          if (status < 500) return ok(`${type} answers at ${url}`)
          return failed(`${type} at ${url} answers ${status}`, `look at the log of the service at ${url}`)
        } catch (error) {
          const mend = `openstack endpoint list --service ${type}: start what it names, or correct it`
          return (isVital ? failed : warning)(`${type}: ${needed}: ${reasonOf(error)}`, mend)
        }
      }),
    )
  },
}

/** As the services find it: an override goes before the catalog. */
function endpointOf(patient: Patient, type: (typeof SERVICES)[number]['type']): Promise<string> {
  const { glance, neutron, placement } = patient.config
  const overrides: Readonly<Record<string, string | null>> = {
    image: glance.endpoint_override,
    network: neutron.endpoint_override,
    placement: placement.endpoint_override,
  }
  const override = overrides[type] ?? null
  return override === null ? sessionOf(patient).endpoint(type, 'public') : Promise.resolve(override)
}

const placement: Check = {
  name: 'placement',
  mend: 'give the user of [placement] the roles admin and service in its project',
  mendOf(error) {
    const reason = reasonOf(error)
    if (reason.startsWith('The catalog has no'))
      return 'openstack endpoint create placement …, or correct [placement] region_name and valid_interfaces, or set [placement] endpoint_override'
    if (/could not be reached/.test(reason) && /placement/.test(reason))
      return 'start placement-api, or correct its endpoint (openstack endpoint list --service placement)'
    return ofKeystone(error)
  },
  async run({ config, http }) {
    const session = placementSession(config, { http, clock: systemClock })
    const providers = await createPlacementUpkeep({ http, session }).providers()
    return [ok(`lets us read its ${providers.length} providers`)]
  },
}

export const NEIGHBOUR_CHECKS: readonly Check[] = [bus, keystone, clock, catalog, placement]
