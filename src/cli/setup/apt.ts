/** Installs Debian packages: says which, shows how far it is, starts no services, leaves no questions. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Progress } from './progress.ts'

const QUIET = ['-y', '-q', '-o', 'Dpkg::Use-Pty=0', '-o', 'APT::Status-Fd=3', '--no-install-recommends']
const POLICY = '/usr/sbin/policy-rc.d'
/** What is shown of a failed run. */
const TAIL_LINES = 40
const NOISE =
  /^(Get:|Hit:|Fetched|Selecting|Preparing|Unpacking|Setting up|\(Reading|pm(status|error):|dlstatus:|Processing trig|$)/

/** How a command becomes root's: as it is, by sudo, or not at all. */
export interface Granted {
  readonly prefix: readonly string[]
}

export interface Root {
  readonly uid: number
  readonly hasSudo: boolean
  /** A person can be asked for a password. */
  readonly interactive: boolean
}

export const rightsOf = ({ uid, hasSudo, interactive }: Root): Granted | undefined => {
  if (uid === 0) return { prefix: [] }
  return hasSudo ? { prefix: interactive ? ['sudo', '-E'] : ['sudo', '-n', '-E'] } : undefined
}

export class InstallFailed extends Error {
  override readonly name = 'InstallFailed'
}

const aptEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...environment,
  DEBIAN_FRONTEND: 'noninteractive',
  LC_ALL: 'C.UTF-8',
  APT_LISTCHANGES_FRONTEND: 'none',
})

/** `apt-get update`. Throws `InstallFailed` with apt's last words. */
export const aptUpdate = (
  rights: Granted,
  environment: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<void> =>
  apt(
    ['update', '-q', '-o', 'APT::Status-Fd=3'],
    'package lists',
    rights.prefix,
    aptEnvironment(environment),
    progress,
  )

/** `apt-get install` of `packages`. Throws `InstallFailed` with apt's last words. */
export async function aptInstall(
  packages: readonly string[],
  rights: Granted,
  environment: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<void> {
  const env = aptEnvironment(environment)
  // Services that come with packages (haproxy, PostgreSQL) are run by Kilonova itself, or not at all.
  const ownsPolicy = !existsSync(POLICY)
  if (ownsPolicy)
    await asRoot(
      ['sh', '-c', `printf '#!/bin/sh\\nexit 101\\n' > ${POLICY}; chmod 755 ${POLICY}`],
      rights.prefix,
      env,
    )
  try {
    await apt(['install', ...QUIET, ...packages], 'installing', rights.prefix, env, progress)
  } finally {
    if (ownsPolicy) await asRoot(['rm', '-f', POLICY], rights.prefix, env)
  }
}

const apt = (
  args: readonly string[],
  what: string,
  prefix: readonly string[],
  env: NodeJS.ProcessEnv,
  progress: Progress,
) =>
  asRoot(['apt-get', ...args], prefix, env, (line) => {
    const [kind, , percent = '', text = ''] = line.split(':')
    if (kind !== 'dlstatus' && kind !== 'pmstatus') return false
    const stage = kind === 'dlstatus' ? 'downloading' : what
    progress.show(stage, Number(percent), kind === 'pmstatus' ? text : '')
    return true
  })

/** Runs a command as root; lines that `take` does not want are kept for the error. */
function asRoot(
  command: readonly string[],
  prefix: readonly string[],
  env: NodeJS.ProcessEnv,
  take: (line: string) => boolean = () => false,
): Promise<void> {
  // apt closes the descriptor of its status for the programs it runs, so that must not be their output too.
  const script = 'set -o pipefail; exec 3>&1; "$@" 2>&1 | cat'
  const [program = '', ...args] = [...prefix, 'bash', '-c', script, 'bash', ...command]
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const said: string[] = []
    let rest = ''
    const hear = (data: Buffer) => {
      const lines = (rest + data.toString()).split('\n')
      rest = lines.pop() ?? ''
      said.push(...lines.filter((line) => !take(line)))
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('error', (error) => reject(new InstallFailed(`${program} cannot be run`, { cause: error })))
    child.on('close', (code) => {
      if (code === 0) return resolve()
      const tail = [...said, rest]
        .filter((line) => !NOISE.test(line))
        .slice(-TAIL_LINES)
        .join('\n')
      reject(new InstallFailed(`${command.slice(0, 2).join(' ')} ended with ${code}:\n${tail}`))
    })
  })
}
