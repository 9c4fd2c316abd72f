/** Transport URLs as operators write them, and none that is misread in silence. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseTransportUrl, TransportUrlError } from './transport-url.ts'

const rabbit = (url: string, tls?: boolean) => {
  const transport = parseTransportUrl(url, tls)
  assert.equal(transport.kind, 'rabbitmq')
  return transport.kind === 'rabbitmq' ? transport : assert.fail()
}
const guest = { username: 'guest', password: 'guest' }

test('hosts, ports, users and virtual hosts are read, and have defaults', () => {
  const cases: [string, object][] = [
    ['rabbit://', { hosts: [{ host: 'localhost', port: 5672, ...guest }], vhost: '/' }],
    ['rabbit://mq/', { hosts: [{ host: 'mq', port: 5672, ...guest }], vhost: '/' }],
    [
      'rabbit://nova:p%40ss%2Cw%3Ard@mq1:5673,nova:b@mq2/%2Fcell1',
      {
        hosts: [
          { host: 'mq1', port: 5673, username: 'nova', password: 'p@ss,w:rd' },
          { host: 'mq2', port: 5672, username: 'nova', password: 'b' },
        ],
        vhost: '/cell1',
      },
    ],
    [
      'rabbit://a:b:c@mq//',
      { hosts: [{ host: 'mq', port: 5672, username: 'a', password: 'b:c' }], vhost: '/' },
    ],
    [
      'rabbit://u@[2001:db8::1]:5000/v',
      { hosts: [{ host: '2001:db8::1', port: 5000, username: 'u', password: '' }], vhost: 'v' },
    ],
    ['rabbit+ssl://[::1]', { hosts: [{ host: '::1', port: 5671, ...guest }], tls: true }],
    [
      'rabbit://mq/?ssl=1&ssl_ca_file=/etc/ca.pem',
      { tls: true, query: { ssl: '1', ssl_ca_file: '/etc/ca.pem' } },
    ],
  ]
  for (const [url, expected] of cases) assert.partialDeepStrictEqual(rabbit(url), expected, url)
  assert.equal(rabbit('rabbit://mq', true).tls, true)
  assert.equal(rabbit('rabbit://mq?ssl=false', true).tls, false)
  assert.deepEqual(parseTransportUrl('in-process://'), { kind: 'in-process' })
})

test('what cannot be meant is refused, without showing a password', () => {
  const wrong = [
    '',
    'mq.example.org',
    'kafka://u:geheim@mq',
    'rabbit://u:geheim@mq1,mq2/',
    'rabbit://u:geheim@mq:70000/',
    'rabbit://u:geheim@mq:0',
    'rabbit://u:geheim@mq:port/',
    'rabbit://u:geheim%zz@mq/',
    'rabbit://u:geheim@::1/',
    'rabbit://u:geheim/x@mq/',
  ]
  for (const url of wrong) {
    assert.throws(
      () => parseTransportUrl(url),
      (error: unknown) => error instanceof TransportUrlError && !error.message.includes('geheim'),
      url,
    )
  }
})

test('whatever is percent-encoded comes back', () => {
  const word = fc.string({ minLength: 1, unit: 'grapheme' })
  const place = fc.tuple(fc.domain(), fc.integer({ min: 1, max: 65_535 }), word, word)
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 4 }), word, (places, vhost) => {
      const written = places.map(
        ([host, port, user, password]) =>
          `${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}`,
      )
      const read = rabbit(`rabbit://${written.join(',')}/${encodeURIComponent(vhost)}`)
      assert.deepEqual(
        read.hosts,
        places.map(([host, port, username, password]) => ({ host, port, username, password })),
      )
      assert.equal(read.vhost, vhost)
    }),
  )
})
