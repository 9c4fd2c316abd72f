/** Periods of usage: how they are written, and which was the last whole one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { auditTime, lastAuditPeriod, usagePeriod } from './period.ts'

const at = (text: string) => Date.parse(text)
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 16)

test('the last audited period is the one that was over, by each unit and offset', () => {
  const now = at('2026-03-31T10:20:30Z')
  const cases: [Parameters<typeof lastAuditPeriod>[0], string, string][] = [
    [{ unit: 'hour', offset: 0 }, '2026-03-31T09:00', '2026-03-31T10:00'],
    [{ unit: 'hour', offset: 30 }, '2026-03-31T08:30', '2026-03-31T09:30'],
    [{ unit: 'day', offset: 0 }, '2026-03-30T00:00', '2026-03-31T00:00'],
    [{ unit: 'day', offset: 12 }, '2026-03-29T12:00', '2026-03-30T12:00'],
    [{ unit: 'month', offset: 0 }, '2026-02-01T00:00', '2026-03-01T00:00'],
    [{ unit: 'month', offset: 5 }, '2026-02-05T00:00', '2026-03-05T00:00'],
    [{ unit: 'year', offset: 0 }, '2025-01-01T00:00', '2026-01-01T00:00'],
    [{ unit: 'year', offset: 6 }, '2024-06-01T00:00', '2025-06-01T00:00'],
  ]
  for (const [period, begin, end] of cases) {
    const found = lastAuditPeriod(period, now)
    assert.deepEqual([iso(found.begin), iso(found.end)], [begin, end], JSON.stringify(period))
  }
  assert.equal(
    iso(lastAuditPeriod({ unit: 'month', offset: 0 }, at('2026-01-01T00:00:00Z')).end),
    '2025-12-01T00:00',
  )
})

test('a period ends after it begins and before it is asked about', () => {
  const units = fc.constantFrom('hour', 'day', 'month', 'year')
  const times = fc.integer({ min: 0, max: at('2100-01-01') })
  fc.assert(
    fc.property(units, fc.integer({ min: 0, max: 12 }), times, (unit, offset, now) => {
      const { begin, end } = lastAuditPeriod({ unit, offset }, now)
      assert.ok(begin < end && end < now)
    }),
  )
})

test('times are read in the three forms, and refused in others', () => {
  const now = at('2026-06-01T00:00:00Z')
  const begins = ['2026-01-31T08:15:30', '2026-1-31T8:15:30.5', '2026-01-31 08:15:30.000001']
  for (const text of begins) assert.equal(usagePeriod(text, undefined, now).end, now)
  assert.equal(usagePeriod('2026-01-31T08:15:30', '2027-01-01T00:00:00', now).end, now, 'no future')
  for (const text of ['2026-01-31 08:15:30', '2026-02-30T00:00:00', '2026-01-31', 'x', '2026-01-31T25:00:00'])
    assert.throws(() => usagePeriod(text, undefined, now), /Invalid datetime string: Datetime is in invalid/)
  assert.throws(() => usagePeriod('2026-01-31T08:15:30', '2026-01-31T08:15:30', now), /Invalid start time/)
  assert.deepEqual(usagePeriod(undefined, '', now), { begin: now, end: now })
  assert.equal(iso(auditTime('2026-01-31 08:15:30')), '2026-01-31T08:15')
  assert.throws(() => auditTime('2026-01-31T08:15:30'), /Invalid timestamp for date 2026-01-31T08:15:30/)
})
