/**
 * The host's programs: found in a fixed search path, run with argument arrays (never a shell), an
 * almost empty environment, a time limit, and bounded output.
 */
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'

export class ToolMissing extends Error {
  override readonly name = 'ToolMissing'
}

export class ToolFailed extends Error {
  override readonly name = 'ToolFailed'
}

export interface Tools {
  /** The absolute path of the first of `names` that is installed; `ToolMissing` when none is. */
  find(...names: string[]): Promise<string>
  /** Runs a program and gives what it printed; `ToolFailed` with its last words when it fails or takes too long. */
  run(name: string, args: readonly string[], options?: { timeoutMs?: number }): Promise<string>
}

export const SYSTEM_PATH = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
] as const

const DEFAULT_TIMEOUT_MS = 60_000
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024
const MAX_WORDS = 2000

export function createTools(searchPath: readonly string[] = SYSTEM_PATH): Tools {
  const env = { PATH: searchPath.join(':'), LC_ALL: 'C' }
  const isProgram = (path: string) =>
    access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
  const locate = async (name: string): Promise<string | undefined> => {
    if (name.startsWith('/')) return (await isProgram(name)) ? name : undefined
    for (const dir of searchPath) if (await isProgram(join(dir, name))) return join(dir, name)
    return undefined
  }
  const find = async (...names: string[]): Promise<string> => {
    for (const name of names) {
      const path = await locate(name)
      if (path !== undefined) return path
    }
    throw new ToolMissing(`${names.join(' or ')} is not installed on this host`)
  }
  return {
    find,
    async run(name, args, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
      const path = await find(name)
      return new Promise((resolve, reject) => {
        const limits = {
          env,
          timeout: timeoutMs,
          killSignal: 'SIGKILL' as const,
          maxBuffer: MAX_OUTPUT_BYTES,
        }
        execFile(path, [...args], limits, (error, stdout, stderr) => {
          if (error === null) resolve(stdout)
          else if (error.killed === true) reject(new ToolFailed(`${name} took more than ${timeoutMs} ms`))
          else
            reject(
              new ToolFailed(
                `${name} failed (${String(error.code ?? error.signal)}): ${stderr.trim().slice(-MAX_WORDS)}`,
              ),
            )
        })
      })
    },
  }
}
