/** Where a service's log goes: the file that the configuration names, else standard error. */
import { join } from 'node:path'
import type { Config } from '#config/index.ts'
import { createLogs, type LevelBox, type Log, type LogLevel } from '#lib/log.ts'

const STDERR = 2

export const levelOf = ({ DEFAULT }: Config): LogLevel => (DEFAULT.debug ? 'debug' : 'info')

/**
 * `binary` names the file where only `log_dir` is set; lines say which `service` they are of. What `level` holds may
 * change while they are open.
 */
export function logsOf({ DEFAULT }: Config, binary: string, level: LevelBox): (service: string) => Log {
  const { log_file: file, log_dir: directory } = DEFAULT
  const destination =
    file === null && directory === null ? STDERR : join(directory ?? '.', file ?? `${binary}.log`)
  return createLogs({ destination, level })
}
