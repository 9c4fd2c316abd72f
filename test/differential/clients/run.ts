/** One walk through the clients' commands, in a fresh cloud of simulated guests and in the real one: where the outcomes differ. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, startCloudProcess } from '../../end-to-end/cloud-process.ts'
import { eventually } from '../../eventually.ts'
import { passwordLogin } from '../../password-login.ts'
import type { Oracle } from '../../interop/oracle.ts'
import { Client, type Environment, readOpenrc, type Said } from './client.ts'
import { makeFresh } from './fresh.ts'
import { explains, type Explanation, readExplanations, withoutNames } from './explained.ts'
import { outcomeOf } from './shape.ts'
import { readWalk, type Step } from './walk.ts'

export const WALK = join(import.meta.dirname, 'walk.txt')
export const SDK_WALK = join(import.meta.dirname, 'sdk-walk.txt')
export const EXPLANATIONS_PAGE = join(ROOT, 'docs/decisions/0014-where-the-clients-see-it-otherwise.md')
const SETTLES_MS = 180_000

/** Yields how many unexplained differences there were. `walks` are files of commands; `verbose` prints each outcome. */
export async function runClients(
  oracle: Oracle,
  {
    dir,
    walks,
    verbose,
  }: { readonly dir: string; readonly walks: readonly string[]; readonly verbose: boolean },
): Promise<number> {
  const cloud = await startCloudProcess(dir, ['--driver', 'simulated', '--hosts', '2'])
  const [ours, theirs] = [new Walk(dir, dir), new Walk(oracle.home, dir)]
  const judge = new Judge(readExplanations(EXPLANATIONS_PAGE), verbose)
  try {
    await makeFresh(oracle, theirs)
    for (const step of walks.flatMap((walk) => readWalk(readFileSync(walk, 'utf8')))) {
      const [our, their] = await Promise.all([ours.take(step), theirs.take(step)])
      judge.compare(step, our, their)
    }
    return judge.end()
  } finally {
    await Promise.all([ours.stop(), theirs.stop()])
    await cloud.stop()
  }
}

interface Seen {
  readonly said: Said
  /** The state a server came to, when one was waited for. */
  readonly state: string
}

/** The walk through one cloud: what was kept on the way. */
class Walk {
  readonly #rcDir: string
  readonly #client: Client
  readonly #kept = new Map<string, string>()

  constructor(rcDir: string, home: string) {
    this.#rcDir = rcDir
    this.#client = new Client(home)
  }

  say({ user, version, program, args }: Step): Promise<Said> {
    const rc = readOpenrc(this.#rcDir, user === 'admin' ? 'openrc' : `openrc-${user}`)
    const words = args.map((word) =>
      word.replace(/\{(\w+)\}/g, (_, name: string) => this.#kept.get(name) ?? name),
    )
    return this.#client.say(program, words, { ...rc, OS_COMPUTE_API_VERSION: version })
  }

  async take(step: Step): Promise<Seen> {
    const { keep, until } = step
    const said = await this.say(step)
    const value = keep && valueOf(said.out, keep.key)
    if (keep && value !== undefined) this.#kept.set(keep.as, value)
    const server = until && this.#kept.get(until.server)
    const state = until && server !== undefined ? await settled(this.#rcDir, server, until.status) : ''
    return { said, state }
  }

  stop(): Promise<void> {
    return this.#client.stop()
  }
}

/** Of an object, of the first of a list, or of a table of properties. */
function valueOf(out: string, key: string): string | undefined {
  const text = out.trim()
  if (/^[[{]/.test(text)) {
    const shown = JSON.parse(text) as Record<string, unknown> | Record<string, unknown>[]
    const value = (Array.isArray(shown) ? shown[0] : shown)?.[key]
    return typeof value === 'string' || typeof value === 'number' ? `${value}` : undefined
  }
  const rows = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  const row = rows.find((cells) => cells[1] === key)
  if (row?.[2] !== undefined && rows.some((cells) => cells[1] === 'Property')) return row[2]
  const lists = rows.filter((cells) => cells.length > 2)
  const column = lists[0]?.indexOf(key) ?? -1
  return column > 0 ? lists[1]?.[column] : undefined
}

/** Waits for it, and yields what it came to: `status`, or what it is in instead when it does not come. */
async function settled(rcDir: string, server: string, status: string): Promise<string> {
  const admin = await session(readOpenrc(rcDir, 'openrc'))
  let last = ''
  try {
    await eventually(
      async () => {
        const answer = await fetch(`${admin.compute}/servers/${server}`, { headers: admin.headers })
        if (answer.status === 404) last = 'gone'
        else {
          const shown = ((await answer.json()) as { server: Record<string, unknown> }).server
          last = shown['OS-EXT-STS:task_state'] === null ? String(shown['status']) : 'busy'
        }
        return last === status || last === 'ERROR'
      },
      { withinMs: SETTLES_MS, everyMs: 200 },
    )
  } catch (error) {
    if (last === '') throw error
  }
  return last
}

async function session(rc: Environment) {
  const { token, endpoints } = await passwordLogin({
    authUrl: rc['OS_AUTH_URL'] ?? '',
    user: rc['OS_USERNAME'] ?? '',
    password: rc['OS_PASSWORD'] ?? '',
    project: rc['OS_PROJECT_NAME'] ?? '',
  })
  const compute = endpoints.get('compute')
  if (compute === undefined) throw new Error('the catalog has no compute')
  return { compute, headers: { 'x-auth-token': token } }
}

/** Compares, prints what differs unexplained as it comes, and counts. */
class Judge {
  readonly #explanations: readonly Explanation[]
  readonly #verbose: boolean
  readonly #used = new Set<Explanation>()
  readonly #counts = { alike: 0, explained: 0, unexplained: 0 }

  constructor(explanations: readonly Explanation[], verbose: boolean) {
    this.#explanations = explanations
    this.#verbose = verbose
  }

  compare(step: Step, { said: ourSaid, ...ourRest }: Seen, { said: theirSaid, ...theirRest }: Seen): void {
    const command = `${step.program} ${step.args.join(' ')}`
    const our = { ...outcomeOf(ourSaid), ...ourRest }
    const their = { ...outcomeOf(theirSaid), ...theirRest }
    const kinds = (['code', 'status', 'shows', 'error', 'state'] as const).filter(
      (kind) => our[kind] !== their[kind],
    )
    const rest = kinds.filter((kind) => {
      const found = this.#explanations.filter((each) => explains(each, { command, kind, text: our[kind] }))
      if (kind === 'shows') found.push(...withoutNames(this.#explanations, command, [ourSaid, theirSaid]))
      for (const each of found) this.#used.add(each)
      return found.length === 0
    })
    this.#counts[kinds.length === 0 ? 'alike' : rest.length === 0 ? 'explained' : 'unexplained'] += 1
    if (rest.length > 0 || this.#verbose) console.log(`${step.user} ${step.version} ${command}`)
    if (this.#verbose && kinds.length === 0)
      console.log(`    ${our.code} ${our.shows}${our.error} ${our.state}`)
    for (const kind of rest) console.log(`    ${kind}: ours  ${our[kind]}\n    ${kind}: Nova  ${their[kind]}`)
  }

  /** Says what there was; yields how many were unexplained. */
  end(): number {
    for (const { command, begins } of this.#explanations.filter((each) => !this.#used.has(each)))
      console.log(`explained, but not seen: ${command}: ${begins}`)
    const { alike, explained, unexplained } = this.#counts
    const all = alike + explained + unexplained
    console.log(
      `${all} commands: ${alike} ended alike, ${explained} differ as explained, ${unexplained} unexplained`,
    )
    return unexplained
  }
}
