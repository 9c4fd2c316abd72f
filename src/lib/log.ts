/** Structured logs, one JSON line an event. Services take a `Log` and bind what they know with `child`. */
import pino from 'pino'
import { currentTrace } from './trace.ts'

export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A log whose every line also carries `fields` (request_id, instance, saga, step …). */
  child(fields: object): Log
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Keys whose values never reach a log, wherever they stand. */
const SECRET_KEYS = [
  'password',
  'adminPass',
  'admin_password',
  'token',
  'secret',
  'user_data',
  'x-auth-token',
  'authorization',
]

/** A log to a file descriptor or path. Lines carry `service`, `time` (ISO 8601), `level`, `msg`, and the request they are about. */
export function createLog(
  service: string,
  options: { level?: LogLevel; destination?: string | number } = {},
): Log {
  return pino(
    {
      level: options.level ?? 'info',
      base: { service },
      mixin: traceFields,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.errWithCause },
      redact: { paths: SECRET_KEYS.flatMap((key) => [`["${key}"]`, `*["${key}"]`]), censor: '***' },
    },
    pino.destination({ dest: options.destination ?? 1, sync: false, mkdir: true }),
  )
}

function traceFields(): object {
  const trace = currentTrace()
  if (!trace) return {}
  const { requestId: request_id, globalRequestId: global_request_id } = trace
  return global_request_id === undefined ? { request_id } : { request_id, global_request_id }
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }
