/** A fresh cloud of simulated guests is asked what a real Nova was asked once; its recorded answers are what is expected. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT, startCloudProcess } from '../../end-to-end/cloud-process.ts'
import { type Difference, type Explanation, explains, readExplanations } from './explained.ts'

const run = promisify(execFile)
export const EXPLANATIONS_PAGE = join(ROOT, 'docs/decisions/0012-where-compute-answers-otherwise.md')
const COMPARE_MS = 900_000
const MAX_BYTES = 2 ** 26

interface Line {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly as: string
  readonly mv: string | null
  readonly differences: readonly (readonly [string, string])[]
}

/** Yields how many unexplained differences there were. `oracle` is the folder of the recorder's scripts. */
export async function runCompute(oracle: string, dir: string): Promise<number> {
  const cloud = await startCloudProcess(dir, ['--driver', 'simulated', '--hosts', '2'])
  try {
    const { lines, summary } = await compared(oracle, dir)
    console.log(summary)
    return report(lines, readExplanations(EXPLANATIONS_PAGE))
  } finally {
    await cloud.stop()
  }
}

async function compared(oracle: string, dir: string) {
  const found = join(dir, 'differences.jsonl')
  const args = ['--rc-dir', dir, '--json', found]
  const options = { timeout: COMPARE_MS, maxBuffer: MAX_BYTES }
  // It exits with 1 when anything differs: what it printed is wanted all the same.
  const { stdout } = await run(join(oracle, 'compare'), args, options).catch((error: unknown) => {
    const { code, stdout: printed } = error as { code?: unknown; stdout?: string }
    if (code === 1 && printed !== undefined && existsSync(found)) return { stdout: printed }
    throw error
  })
  const summary = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (!/^\d+ of \d+ requests answered alike/.test(summary)) throw new Error(`it did not end well: ${stdout}`)
  const lines = readFileSync(found, 'utf8').split('\n').slice(0, -1)
  return { summary, lines: lines.map((line) => JSON.parse(line) as Line) }
}

function report(lines: readonly Line[], explanations: readonly Explanation[]): number {
  const used = new Set<Explanation>()
  let [explained, unexplained] = [0, 0]
  for (const line of lines) {
    const rest = line.differences.filter(([kind, text]) => {
      const difference: Difference = { record: line.id, kind, text }
      const explanation = explanations.find((each) => explains(each, difference))
      if (explanation) used.add(explanation)
      return !explanation
    })
    if (rest.length === 0) explained += 1
    else {
      unexplained += 1
      console.log(`${line.id} ${line.method} ${line.path} (${line.as}, ${line.mv ?? 'no version'})`)
      for (const [kind, text] of rest) console.log(`    ${kind} ${text}`)
    }
  }
  for (const { records, begins } of explanations.filter((each) => !used.has(each)))
    console.log(`explained, but not seen: ${records.join(', ')}: ${begins}`)
  console.log(`requests that differ: ${explained} explained, ${unexplained} unexplained`)
  return unexplained
}
