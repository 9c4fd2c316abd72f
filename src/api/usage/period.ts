/** Periods of usage: as callers write them, and the last whole one of an audit. Times are milliseconds, UTC; microseconds are kept. */
import { badRequest } from '#lib/fault.ts'

const TIME = /^(\d{4})-(\d{1,2})-(\d{1,2})([T ])(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d{1,6})?$/

/** Undefined when the text is no time, or one that no calendar has. */
function readTime(text: string): { ms: number; separator: string; hasFraction: boolean } | undefined {
  const found = TIME.exec(text)
  if (!found) return undefined
  const [, year, month, day, separator = '', hour, minute, second, fraction] = found
  const at = new Date(0)
  at.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  at.setUTCHours(Number(hour), Number(minute), Number(second))
  const microseconds = Math.round(Number(fraction ?? 0) * 1_000_000)
  const isReal =
    at.getUTCMonth() === Number(month) - 1 &&
    at.getUTCDate() === Number(day) &&
    at.getUTCHours() === Number(hour) &&
    at.getUTCMinutes() === Number(minute) &&
    Number(second) < 60 &&
    Number(year) > 0
  return isReal
    ? { ms: at.getTime() + microseconds / 1_000, separator, hasFraction: fraction !== undefined }
    : undefined
}

/** `2026-01-31T08:15:30`, with or without a fraction, or with a blank and a fraction. */
function readUsageTime(text: string): number {
  const time = readTime(text)
  if (!time || (time.separator === ' ' && !time.hasFraction))
    throw badRequest('Invalid datetime string: Datetime is in invalid format')
  return time.ms
}

export interface Period {
  readonly begin: number
  readonly end: number
}

/** The period of a report: what is left out, or empty, is now. Refuses one that ends before it begins. */
export function usagePeriod(start: string | undefined, end: string | undefined, now: number): Period {
  const begin = start ? readUsageTime(start) : now
  const stop = end ? readUsageTime(end) : now
  // Without both, time went on between reading the one clock and the other.
  if (begin >= stop && (start || end))
    throw badRequest('Invalid start time. The start time cannot occur after the end time.')
  return { begin, end: Math.min(stop, now) }
}

/** `2026-01-31 08:15:30`, with or without a fraction. */
export function auditTime(text: string): number {
  const time = readTime(text)
  if (!time || time.separator !== ' ') throw badRequest(`Invalid timestamp for date ${text}`)
  return time.ms
}

/** How long an audit's periods are; `month@5` begins on the fifth. Nova's `instance_usage_audit_period`. */
export interface AuditPeriod {
  readonly unit: 'hour' | 'day' | 'month' | 'year'
  readonly offset: number
}

const LAST_BEGIN: Readonly<Record<AuditPeriod['unit'], (at: Date, offset: number) => void>> = {
  hour: (at, offset) => at.setUTCMinutes(offset, 0, 0),
  day: (at, offset) => at.setUTCHours(offset, 0, 0, 0),
  month: (at, offset) => startOfDay(at).setUTCDate(offset || 1),
  year: (at, offset) => startOfDay(at).setUTCMonth((offset || 1) - 1, 1),
}

const BACK: Readonly<Record<AuditPeriod['unit'], (at: Date) => void>> = {
  hour: (at) => at.setUTCHours(at.getUTCHours() - 1),
  day: (at) => at.setUTCDate(at.getUTCDate() - 1),
  month: (at) => at.setUTCMonth(at.getUTCMonth() - 1),
  year: (at) => at.setUTCFullYear(at.getUTCFullYear() - 1),
}

function startOfDay(at: Date): Date {
  at.setUTCHours(0, 0, 0, 0)
  return at
}

/** The last period that was over before this time. */
export function lastAuditPeriod({ unit, offset }: AuditPeriod, before: number): Period {
  const end = new Date(before)
  LAST_BEGIN[unit](end, offset)
  if (end.getTime() >= before) BACK[unit](end)
  const begin = new Date(end)
  BACK[unit](begin)
  return { begin: begin.getTime(), end: end.getTime() }
}
