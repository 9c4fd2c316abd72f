/** Each route of Placement at each of its forty versions: absent before its first, and as the table says from then on. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, suite, test } from 'node:test'
import { type Reply, startPlacement } from '../../placement-fixture.ts'
import { CARRYING, PLAIN, setStage } from './route-asks.ts'
import { ROUTES, type Row } from './route-table.ts'

const MINORS = Array.from({ length: 40 }, (_, minor) => minor)

const minorOf = (version: string): number => Number(version.slice('1.'.length))

/** `1.8..1.11` or `1.8..`. */
function holds(range: string, minor: number): boolean {
  const [first = '', last = ''] = range.split('..')
  return minorOf(first) <= minor && (last === '' || minor <= minorOf(last))
}

/** The keys of a body, sorted; what is known by a uuid is `*`; of a list its first, of links what they lead to. */
function shapeOf(value: unknown): string {
  if (Array.isArray(value)) {
    const first = value[0] as unknown
    return typeof first === 'object' && first !== null ? `[${shapeOf(first)}]` : '[]'
  }
  if (typeof value !== 'object' || value === null) return ''
  const fields = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => fieldOf(name, inner))
  return `{${fields.join(' ')}}`
}

function fieldOf(name: string, inner: unknown): string {
  if (name === 'links') return `links(${(inner as { rel: string }[]).map(({ rel }) => rel).join(' ')})`
  const key = /^[0-9a-f-]{36}$/.test(name) ? '*' : name || '""'
  const shape = shapeOf(inner)
  return shape === '' ? key : `${key}:${shape}`
}

const isFresh = ({ headers }: Reply): boolean =>
  headers['last-modified'] !== undefined && headers['cache-control'] === 'no-cache'

suite('Placement’s routes at each version', async () => {
  const { ask, close } = await startPlacement()
  after(close)
  const stage = await setStage(ask)

  const send = async (row: Row, minor: number, carrying?: string): Promise<Reply> => {
    const [method = ''] = row.route.split(' ')
    const make = carrying === undefined ? PLAIN[row.route] : CARRYING[row.route]?.[carrying]
    assert.ok(make, `nothing is asked of ${row.route} ${carrying ?? ''}`)
    const [path, body] = await make(stage, minor)
    return ask(method, path, body, {
      version: `1.${minor}`,
      token: row.rule === 'placement:reshaper:reshape' ? 'service' : 'admin',
    })
  }

  test('the table has the 36 routes, each once', () => {
    assert.equal(new Set(ROUTES.map(({ route }) => route)).size, 36)
  })

  for (const row of ROUTES) {
    test(`${row.route}: absent before ${row.since}, then in each of its forms`, async () => {
      for (const minor of MINORS) {
        const reply = await send(row, minor)
        const what = `${row.route} at 1.${minor}: ${JSON.stringify(reply.body)?.slice(0, 300)}`
        assert.equal(reply.headers['openstack-api-version'], `placement 1.${minor}`, what)
        if (minor < minorOf(row.since)) {
          assert.equal(reply.status, row.before ?? 404, what)
          if (row.before === 405) assert.ok(reply.headers.allow, what)
          continue
        }
        const [range] = Object.keys(row.answers).filter((each) => holds(each, minor))
        const [status, shape] = row.answers[range ?? ''] ?? []
        assert.deepEqual(
          [reply.status, reply.body === undefined ? undefined : shapeOf(reply.body)],
          [status, shape],
          what,
        )
        const isDated =
          minor >= 15 &&
          row.dated === true &&
          (status !== 201 || shape !== undefined || row.route.startsWith('PUT'))
        assert.equal(isFresh(reply), isDated, `${what} ${JSON.stringify(reply.headers)}`)
      }
    })

    for (const [carried, range] of Object.entries(row.takes ?? {})) {
      test(`${row.route} takes ${carried} at ${range}`, async () => {
        for (const minor of MINORS.filter((each) => each >= minorOf(row.since))) {
          const { status, body } = await send(row, minor, carried)
          const what = `${row.route} with ${carried} at 1.${minor}: ${status} ${JSON.stringify(body)}`
          if (holds(range, minor)) assert.ok(status < 300, what)
          else assert.equal(status, 400, what)
        }
      })
    }
  }

  test('a path with an empty part names nothing, at any version', async () => {
    for (const version of ['1.0', '1.39'])
      for (const path of ['/resource_providers/', '/resource_providers//inventories', '/usages/?x=/'])
        for (const method of ['GET', 'DELETE'])
          assert.equal((await ask(method, path, undefined, { version })).status, 404, `${method} ${path}`)
    assert.equal((await ask('GET', '/')).status, 200)
  })

  test('errors carry a code from 1.23', async () => {
    for (const minor of MINORS) {
      const { status, body } = await ask('GET', `/resource_providers/${randomUUID()}`, undefined, {
        version: `1.${minor}`,
      })
      assert.equal(status, 404)
      assert.equal(shapeOf(body), `{errors:[{${minor < 23 ? '' : 'code '}detail request_id status title}]}`)
    }
  })
})
