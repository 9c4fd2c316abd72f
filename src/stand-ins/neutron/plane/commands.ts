/** Running the system's network tools: by path, with arguments and stdin, never through a shell. */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

export interface Tools {
  readonly ip: string
  readonly nft: string
  readonly dnsmasq: string
  readonly haproxy: string
  readonly nsenter: string
}

/** The paths of tools that may be missing, of those that are there. */
export const findOptional = (...names: readonly string[]): string[] =>
  names.flatMap((name) => PATHS.map((path) => join(path, name)).find(isExecutable) ?? [])

export interface Commands {
  readonly tools: Tools
  /** Runs `ip` commands, one a line, stopping at the first that fails; in a namespace when one is given. */
  ip(lines: readonly string[], space?: string): Promise<void>
  /** What `ip -json …` prints, parsed. */
  ipJson(args: readonly string[], space?: string): Promise<unknown[]>
  /** Applies a ruleset atomically. */
  nft(ruleset: string, space?: string): Promise<void>
  /** What `nft list tables` prints. */
  nftTables(): Promise<string>
  /** Sets a sysctl of a namespace: `net/ipv4/ip_forward`. */
  sysctl(key: string, value: string, space: string): Promise<void>
}

/** A tool that failed, with what it said. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

const PATHS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/local/bin']
const NAMES = ['ip', 'nft', 'dnsmasq', 'haproxy', 'nsenter'] as const

/** The tools' paths, or the names of those that are missing. */
export function findTools(): Tools | { readonly missing: readonly string[] } {
  const found = new Map(NAMES.map((name) => [name, PATHS.map((path) => join(path, name)).find(isExecutable)]))
  const missing = NAMES.filter((name) => found.get(name) === undefined)
  return missing.length > 0 ? { missing } : (Object.fromEntries(found) as unknown as Tools)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const TIMEOUT_MS = 15_000

/** Runs a program to its end and yields what it printed. Throws with what it said when it failed or hung. */
export function run(program: string, args: readonly string[], stdin = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    // A program that ends early closes its stdin; what it says on stderr is the reason.
    child.stdin.on('error', () => {})
    child.on('error', (error) => reject(new CommandFailed(`${program} did not start`, { cause: error })))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString())
      const said = Buffer.concat(err).toString().trim()
      reject(new CommandFailed(`${program} ${args.join(' ')}: ${signal ?? `exit ${code ?? '?'}`}: ${said}`))
    })
    child.stdin.end(stdin)
  })
}

/**
 * The program and arguments that run something in a namespace. Not by `ip -n` or `ip netns exec`, which want to
 * mount things anew and cannot in a chroot.
 */
export const inSpace = (tools: Tools, space: string | undefined, command: readonly [string, ...string[]]) => {
  const [program, ...args] =
    space === undefined ? command : ([tools.nsenter, `--net=/run/netns/${space}`, ...command] as const)
  return { program, args }
}

export function createCommands(tools: Tools): Commands {
  const runIn = (space: string | undefined, command: readonly [string, ...string[]], stdin?: string) => {
    const { program, args } = inSpace(tools, space, command)
    return run(program, args, stdin)
  }
  return {
    tools,
    async ip(lines, space) {
      if (lines.length > 0) await runIn(space, [tools.ip, '-batch', '-'], `${lines.join('\n')}\n`)
    },
    async ipJson(args, space) {
      const text = await runIn(space, [tools.ip, '-json', ...args])
      return text.trim() === '' ? [] : (JSON.parse(text) as unknown[])
    },
    async nft(ruleset, space) {
      await runIn(space, [tools.nft, '-f', '-'], ruleset)
    },
    nftTables: () => run(tools.nft, ['list', 'tables']),
    async sysctl(key, value, space) {
      await runIn(space, ['/usr/bin/tee', `/proc/sys/${key}`], value)
    },
  }
}
