/** What requests about an instance's actions look like, at each microversion. */
import { LIMIT, operation, query, since, single } from '#lib/versioned/index.ts'

const PATH = 'GET /servers/{server_id}/os-instance-actions'
const TIME = { type: 'string', format: 'date-time' } as const

export const listInstanceActions = operation({
  path: PATH,
  query: query(
    {
      limit: since('2.58', single(LIMIT)),
      marker: since('2.58', single()),
      'changes-since': since('2.58', single(TIME)),
      'changes-before': since('2.66', single(TIME)),
    },
    { strictSince: '2.58' },
  ),
  behaviours: { ofDeleted: '2.21..', paged: '2.58..', changesBefore: '2.66..' },
})

export const showInstanceAction = operation({
  path: `${PATH}/{id}`,
  query: query({}, { strictSince: '2.102' }),
  behaviours: { ofDeleted: '2.21..', eventsForAll: '2.51..', hosts: '2.62..', details: '2.84..' },
})
