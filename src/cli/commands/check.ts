/** `kilonova check`: every check that reads the source and runs nothing of it. */
import { join } from 'node:path'
import { runKept } from '../run-process.ts'
import type { Launch } from '../main.ts'

interface Step {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
}

/** The longest first: two run at a time. */
const STEPS: readonly Step[] = [
  { name: 'lint', program: 'oxlint', args: ['--type-aware'] },
  { name: 'types', program: 'tsc', args: ['-p', '.'] },
  { name: 'dead code', program: 'knip', args: ['--no-progress'] },
  { name: 'format', program: 'biome', args: ['format', '.'] },
  { name: 'layers', program: 'node', args: ['tools/check-layers.ts'] },
  { name: 'sizes', program: 'node', args: ['tools/check-sizes.ts'] },
  { name: 'configuration docs', program: 'node', args: ['tools/make-config-docs.ts', '--check'] },
]

const AT_ONCE = 2

/** Runs all checks, prints what each that fails says, yields 0 when all are clean. */
export async function check(launch: Launch): Promise<number> {
  const waiting = [...STEPS]
  const failed: string[] = []
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step; step = waiting.shift())
      if (!(await passes(step, launch.root))) failed.push(step.name)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  console.log(failed.length === 0 ? 'check: clean' : `check: not clean: ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
}

async function passes(step: Step, root: string): Promise<boolean> {
  const began = performance.now()
  const program =
    step.program === 'node' ? process.execPath : join(root, 'node_modules', '.bin', step.program)
  const { code, output } = await runKept({ program, args: step.args, cwd: root })
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  console.log(`${code === 0 ? '✓' : '✗'} ${step.name} (${seconds} s)`)
  if (code !== 0) console.log(output.trimEnd())
  return code === 0
}
