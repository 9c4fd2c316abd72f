/** Metrics are what Prometheus reads: buckets add up, labels are escaped, strangers' labels cannot fill the memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, mergeFamilies, renderMetrics } from './metrics.ts'

test('counters, histograms and gauges are told in the text form, buckets adding up', () => {
  const metrics = createMetrics()
  const requests = metrics.counter('requests_total', 'Requests.', ['route', 'status'])
  requests.add(['/servers', 200])
  metrics.counter('requests_total', 'Requests.', ['route', 'status']).add(['/servers', 200], 2)
  requests.add(['a "b"\\\n', 404])
  const seconds = metrics.histogram('took_seconds', 'How long.', ['route'], [0.1, 1])
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(['/servers'], value)
  let open = 3
  metrics.gauge('connections', 'Open ones.', [], () => [{ labels: [], value: open }])
  open = 4
  assert.deepEqual(renderMetrics(metrics.families()).split('\n'), [
    '# HELP requests_total Requests.',
    '# TYPE requests_total counter',
    'requests_total{route="/servers",status="200"} 3',
    'requests_total{route="a \\"b\\"\\\\\\n",status="404"} 1',
    '# HELP took_seconds How long.',
    '# TYPE took_seconds histogram',
    'took_seconds_bucket{route="/servers",le="0.1"} 2',
    'took_seconds_bucket{route="/servers",le="1"} 3',
    'took_seconds_bucket{route="/servers",le="+Inf"} 4',
    'took_seconds_sum{route="/servers"} 7.65',
    'took_seconds_count{route="/servers"} 4',
    '# HELP connections Open ones.',
    '# TYPE connections gauge',
    'connections 4',
    '',
  ])
})

test('what strangers name cannot make ever more series, and is counted all the same', () => {
  const metrics = createMetrics()
  const counter = metrics.counter('asked_total', 'Asked.', ['what', 'how'])
  for (let n = 0; n < 6_000; n++) counter.add([`x${n}`, 'y'])
  const samples = metrics.families()[0]?.samples ?? []
  assert.equal(samples.length, 5_001)
  assert.equal(
    samples.reduce((sum, { value }) => sum + value, 0),
    6_000,
  )
  assert.deepEqual(samples.at(-1)?.labels, [
    ['what', 'other'],
    ['how', 'other'],
  ])
})

test('the numbers of several processes stand beside each other, under one heading', () => {
  const of = (value: number) => {
    const metrics = createMetrics()
    metrics.counter('done_total', 'Done.', ['how']).add(['well'], value)
    return metrics.families()
  }
  const parts = new Map([
    ['1', of(5)],
    ['2', of(7)],
  ])
  assert.equal(
    renderMetrics(mergeFamilies('worker', parts)),
    '# HELP done_total Done.\n# TYPE done_total counter\n' +
      'done_total{worker="1",how="well"} 5\ndone_total{worker="2",how="well"} 7\n',
  )
})
