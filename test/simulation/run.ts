/**
 * `npm run simulate -- --seeds 2000 [--from N] [--minutes M]`: plays seeds on all cores and checks every invariant
 * after each; `--seed N` plays one again, in this process, and tells all that happens in it.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Log } from '#lib/log.ts'
import { openStage, play, type Played, START } from './play.ts'
import type { VirtualTime } from './virtual-time.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string' },
  },
})

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** How often progress is told. */
const PROGRESS_MS = 5_000

/** A log on standard output, in virtual time. */
function tellingLog(time: VirtualTime, bound: object = {}): Log {
  const at = (level: string) => (fields: object, message: string) => {
    const shown = { ...bound, ...fields, ...('err' in fields && { err: String(fields.err) }) }
    say(`${time.now() - START}   ${level} ${message} ${JSON.stringify(shown)}`)
  }
  return {
    debug() {},
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => tellingLog(time, { ...bound, ...fields }),
  }
}

const replayOf = ({ seed }: Played): string => `replay: npm run simulate -- --seed ${seed}`

function tellProblems(played: Played): void {
  say(`seed ${played.seed} fails after ${played.virtualMs / 1_000} virtual seconds:`)
  for (const problem of played.problems) say(`  ${problem}`)
  say(`  ${replayOf(played)}`)
}

async function playOne(seed: number): Promise<number> {
  const hear = (line: string) => process.stdout.write(line)
  const played = await play(await openStage(), seed, { hear, log: tellingLog })
  say(`seed ${seed}: ${played.happenings} happenings, hash ${played.hash}`)
  if (played.problems.length === 0) return 0
  tellProblems(played)
  return 1
}

interface Tally {
  played: number
  servers: number
  virtualMs: number
  readonly failed: number[]
}

/** After so many seeds a process makes way for a new one: the dead of its clouds wait for ever, and take room. */
const SEEDS_OF_ONE = 150

/** Plays seeds, in one process after another, until `next` gives no more. */
async function playOn(next: () => number | undefined, heard: (played: Played) => void): Promise<void> {
  const first = next()
  if (first === undefined) return
  let given = 0
  await playSome(() => (given++ === 0 ? first : given > SEEDS_OF_ONE ? undefined : next()), heard)
  await playOn(next, heard)
}

/** One process, which plays seeds until `next` gives no more. */
function playSome(next: () => number | undefined, heard: (played: Played) => void): Promise<void> {
  const worker = fork(new URL('./worker.ts', import.meta.url))
  return new Promise((resolve, reject) => {
    let current: number | undefined
    const give = () => {
      current = next()
      if (current === undefined) worker.disconnect()
      else worker.send(current)
    }
    worker.on('message', (played) => {
      heard(played as Played)
      give()
    })
    worker.on('error', reject)
    worker.on('exit', () => {
      if (current === undefined) resolve()
      else reject(new Error(`seed ${current} ends its process`))
    })
    give()
  })
}

async function playMany(): Promise<number> {
  const first = Number(values.from)
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
  const last = minutes === undefined ? first + Number(values.seeds) - 1 : Number.POSITIVE_INFINITY
  const began = performance.now()
  const end = minutes === undefined ? Number.POSITIVE_INFINITY : began + minutes * 60_000
  const tally: Tally = { played: 0, servers: 0, virtualMs: 0, failed: [] }
  let seed = first
  const next = () => (seed <= last && performance.now() < end ? seed++ : undefined)
  const tell = () => {
    const seconds = (performance.now() - began) / 1_000
    const hours = (tally.virtualMs / 3_600_000).toFixed(1)
    const pace = (tally.played / seconds).toFixed(1)
    say(
      `${tally.played} seeds (${pace} a second), ${tally.servers} servers, ${hours} virtual hours, ${tally.failed.length} failed`,
    )
  }
  const ticking = setInterval(tell, PROGRESS_MS)
  const heard = (played: Played) => {
    tally.played++
    tally.servers += played.servers
    tally.virtualMs += played.virtualMs
    if (played.problems.length === 0) return
    tally.failed.push(played.seed)
    tellProblems(played)
  }
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, () => playOn(next, heard)))
  } finally {
    clearInterval(ticking)
  }
  tell()
  return tally.failed.length === 0 ? 0 : 1
}

process.exitCode = values.seed === undefined ? await playMany() : await playOne(Number(values.seed))
