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

/** A level that may change while logs are open. */
export interface LevelBox {
  current: LogLevel
}

/** Keys whose values never reach a log, wherever they stand. */
const SECRET_KEYS = [
  'password',
  'adminPass',
  'admin_password',
  'injected',
  'token',
  'secret',
  'user_data',
  'x-auth-token',
  'authorization',
]

/** A log to a file descriptor or path. Lines carry `service`, `time` (ISO 8601), `level`, `msg`, and the request they are about. */
export function createLog(
  service: string,
  options: { level?: LogLevel | LevelBox; destination?: string | number } = {},
): Log {
  const { level = 'info' } = options
  return pino(
    {
      ...(typeof level === 'string' ? { level } : { level: 'debug', hooks: { logMethod: heedful(level) } }),
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

const severityOf = (level: LogLevel): number => pino.levels.values[level] ?? Number.POSITIVE_INFINITY

/** Children of a log keep the level that it had when they were made: here each line asks anew. */
const heedful = (box: LevelBox): NonNullable<NonNullable<pino.LoggerOptions['hooks']>['logMethod']> =>
  function logMethod(args, method, severity) {
    if (severity >= severityOf(box.current)) method.apply(this, args)
  }

function traceFields(): object {
  const trace = currentTrace()
  if (!trace) return {}
  const { requestId: request_id, globalRequestId: global_request_id } = trace
  return global_request_id === undefined ? { request_id } : { request_id, global_request_id }
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }
