/** Structured logs, one JSON line an event. Services take a `Log` and bind what they know with `child`. */
import { mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
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
const SECRET_KEYS: ReadonlySet<string> = new Set([
  'password',
  'adminPass',
  'admin_password',
  'injected',
  'token',
  'secret',
  'user_data',
  'x-auth-token',
  'authorization',
])
const CENSORED = '***'
/** Deeper ones than this are of no line of ours. */
const DEEPEST = 5

/** The fields, with secrets censored: a copy of what holds some, all else as it is. */
const withoutSecrets = (fields: object): Record<string, unknown> =>
  censored(fields, DEEPEST) as Record<string, unknown>

function censored(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth === 0) return value
  if (Array.isArray(value)) {
    const items = value.map((item) => censored(item, depth - 1))
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  if (!isPlain(value)) return value
  let copy: Record<string, unknown> | undefined
  for (const [key, part] of Object.entries(value)) {
    const shown = SECRET_KEYS.has(key) ? CENSORED : censored(part, depth - 1)
    if (shown === part) continue
    copy ??= { ...value }
    copy[key] = shown
  }
  return copy ?? value
}

/** What was thrown need not be an error. */
const errorFields = (thrown: unknown): unknown =>
  thrown instanceof Error ? withoutSecrets({ ...pino.stdSerializers.errWithCause(thrown) }) : thrown

/** An error is written by its serializer, and what knows by itself how it looks as JSON, by itself. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * The logs of a process, each of one service, to a file descriptor or path. Lines carry `service`, `time` (ISO 8601),
 * `level`, `msg`, and the request they are about, and stand in the order in which they were made.
 */
export function createLogs(
  options: { level?: LogLevel | LevelBox; destination?: string | number } = {},
): (service: string) => Log {
  const { level = 'info' } = options
  const log = pino(
    {
      ...(typeof level === 'string' ? { level } : { level: 'debug', hooks: { logMethod: heedful(level) } }),
      base: null,
      mixin: traceFields,
      timestamp: pino.stdTimeFunctions.isoTime,
      // pino's own redaction costs twice as much as all the rest of a line.
      formatters: { level: (label) => ({ level: label }), log: withoutSecrets },
      serializers: { err: errorFields },
    },
    gathered(options.destination ?? 1),
  )
  const { child } = log
  Object.assign(log, {
    child(this: typeof log, fields: object): Log {
      return child.call(this, withoutSecrets(fields))
    },
  })
  return (service) => log.child({ service })
}

/** So long a line waits for others to go to the kernel with it, unless there are many. */
const LINGER_MS = 100
const MANY_CHARACTERS = 8_192

/**
 * Lines go together: written one by one they cost more than they are worth. Who exits writes the last ones; only a
 * SIGKILL loses them. Written at once, not by a thread: what a thread still writes would come after the last ones.
 */
function gathered(dest: string | number): pino.DestinationStream {
  // Opened at once: who fails while it starts says why.
  if (typeof dest === 'string') mkdirSync(dirname(dest), { recursive: true })
  const fd = typeof dest === 'string' ? openSync(dest, 'a') : dest
  const file = pino.destination({ dest: fd, sync: true, minLength: MANY_CHARACTERS })
  process.once('exit', () => file.flushSync())
  let isDue = false
  const flush = (): void => {
    isDue = false
    file.flush()
  }
  return {
    write(line) {
      file.write(line)
      if (isDue) return
      isDue = true
      setTimeout(flush, LINGER_MS).unref()
    },
  }
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
