/** Queries about hosts: what they mean, and that nothing a stranger writes throws or takes long. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { factAt } from '../host-facts.ts'
import { nodeOf } from '../small-cloud.fixture.ts'
import { type Lookup, queryOf } from './json-query.ts'

const HOST = {
  node: nodeOf('h1', {
    memoryMb: 2_048,
    memoryMbUsed: 1_024,
    localGb: 100,
    localGbUsed: 40,
    diskAvailableLeast: 50,
  }),
  service: undefined,
  availabilityZone: 'nova',
  aggregates: [],
  servers: 3,
  ioOps: 0,
  ways: [],
  free: {},
}
const look: Lookup = (path) => factAt(HOST, path)

function isTrueOf(said: unknown): boolean | string {
  const query = queryOf(typeof said === 'string' ? said : JSON.stringify(said))
  return typeof query === 'string' ? query : query(look)
}

suite('queries about a host', () => {
  test('mean what they mean in Nova', () => {
    const cases: [unknown, boolean][] = [
      [['and', ['>=', '$free_ram_mb', 1_024], ['>=', '$free_disk_mb', 50 * 1_024]], true],
      [['and', ['>=', '$free_ram_mb', 1_025], ['>=', '$free_disk_mb', 0]], false],
      [['or', ['<', '$free_ram_mb', 30], ['=', '$hypervisor_type', 'QEMU']], true],
      [['in', '$host', 'h0', 'h1'], true],
      [['in', '$host', 'h0'], false],
      [['<', '$num_instances', 4, 5], true],
      [['<', '$num_instances', 4, 3], false],
      [['not', ['=', '$host', 'h2']], true],
      [['and', ['not', ['=', '$host', 'h1']]], false],
      [['=', '$cpu_info.topology.cores', 4], true],
      [['=', '$cpu_info.topology.sockets', 4], false],
      [['=', '$host'], false],
      [['=', 'h1', 'h1', '$unheard_of'], true],
      [['=', ['=', 1, 1], 1], true],
      [['<', 'a', 1], false],
      [['and'], true],
      [['or'], false],
      [['and', []], true],
      [['=', { a: 1 }, { a: 1 }], true],
      [[], true],
      ['null', true],
      ['{}', true],
    ]
    for (const [said, expected] of cases) assert.equal(isTrueOf(said), expected, JSON.stringify(said))
  })

  test('see nothing but what is known of hosts', () => {
    for (const name of [
      '__proto__',
      'constructor',
      'service',
      'node',
      'toString',
      'cpu_info.constructor',
      'host.length',
    ])
      assert.equal(isTrueOf(['=', 1, 1, `$${name}`]), true, name)
  })

  test('that are none say why', () => {
    const cases: [unknown, RegExp][] = [
      ['[', /is no JSON/],
      ['"abc"', /is no list/],
      ['7', /is no list/],
      ['{"and": []}', /is no list/],
      [['like', '$host', 'h'], /is no list that begins with one of its operators/],
      [['and', ['toString']], /is no list/],
      [[['and']], /is no list/],
      [['=', ...Array.from({ length: 200 }, () => 1)], /is too large/],
      [`${'['.repeat(30_000)}${']'.repeat(30_000)}`, /is too large/],
    ]
    for (const [said, why] of cases) assert.match(String(isTrueOf(said)), why)
    assert.equal(queryOf({ and: [] }), 'is no text')
  })

  test('never throw, whatever they are', () => {
    const names = [
      '=',
      '<',
      'in',
      'not',
      'or',
      'and',
      '$host',
      '$cpu_info',
      '$supported_instances',
      '$free_ram_mb',
      '',
      '$',
      '$.',
    ]
    const { query } = fc.letrec((tie) => ({
      query: fc.array(fc.oneof({ maxDepth: 6 }, fc.constantFrom(...names), fc.jsonValue(), tie('query')), {
        maxLength: 5,
      }),
    }))
    fc.assert(
      fc.property(
        fc.oneof(
          query.map((each) => JSON.stringify(each)),
          fc.string(),
        ),
        (text) => {
          const read = queryOf(text)
          assert.ok(typeof (typeof read === 'string' ? read : read(look)) !== 'undefined')
        },
      ),
      { numRuns: 300 },
    )
  })
})
