/** What requests about hypervisors look like, at each microversion. */
import { LIMIT, during, many, operation, query, since, single, t } from '#lib/versioned/index.ts'

const RULE = 'os_compute_api:os-hypervisors'
const HOSTNAME = t.hostname.schemaAt(Infinity)
const FLAG = t.flag.schemaAt(Infinity)

const listQuery = query(
  {
    limit: during({ '2.33..2.52': many(LIMIT), '2.53..': single(LIMIT) }),
    marker: during({ '2.33..2.52': many(), '2.53..': single() }),
    hypervisor_hostname_pattern: since('2.53', single(HOSTNAME)),
    with_servers: since('2.53', single(FLAG)),
  },
  { strictSince: '2.53' },
)
const behaviours = { paged: '2.33..', byUuid: '2.53..' } as const

export const listHypervisors = operation({
  path: 'GET /os-hypervisors',
  policy: `${RULE}:list`,
  query: listQuery,
  behaviours,
})
export const listHypervisorsDetail = operation({
  path: 'GET /os-hypervisors/detail',
  policy: `${RULE}:list-detail`,
  query: listQuery,
  behaviours,
})
export const showHypervisor = operation({
  path: 'GET /os-hypervisors/{id}',
  policy: `${RULE}:show`,
  query: query({ with_servers: since('2.53', single(FLAG)) }, { strictSince: '2.53' }),
  behaviours,
})
export const hypervisorStatistics = operation({
  path: 'GET /os-hypervisors/statistics',
  policy: `${RULE}:statistics`,
  versions: '..2.87',
})
export const hypervisorUptime = operation({
  path: 'GET /os-hypervisors/{id}/uptime',
  policy: `${RULE}:uptime`,
  versions: '..2.87',
  behaviours,
})
export const searchHypervisors = operation({
  path: 'GET /os-hypervisors/{id}/search',
  policy: `${RULE}:search`,
  versions: '..2.52',
})
export const hypervisorServers = operation({
  path: 'GET /os-hypervisors/{id}/servers',
  policy: `${RULE}:servers`,
  versions: '..2.52',
})
