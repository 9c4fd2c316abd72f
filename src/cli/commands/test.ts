/** `kilonova test`: sets up what the tests need, runs them with node's own runner, counts them together. */
import { runKept } from '../run-process.ts'
import { setUp } from '../setup/set-up.ts'
import { thisMachine } from '../this-machine.ts'
import type { Launch } from '../main.ts'

interface Stage {
  readonly name: string
  readonly files: readonly string[]
  readonly concurrency: number
}

/** Quick ones first. Whole clouds with real networks run one at a time: they share the machine's. */
const STAGES: readonly Stage[] = [
  {
    name: 'unit, contract and functional tests',
    files: [
      'src/**/*.test.ts',
      'tools/**/*.test.ts',
      'test/contract/**/*.test.ts',
      'test/functional/**/*.test.ts',
      'test/simulation/**/*.test.ts',
      'test/chaos/**/*.test.ts',
    ],
    concurrency: 2,
  },
  { name: 'end-to-end tests', files: ['test/end-to-end/**/*.test.ts'], concurrency: 1 },
]

const TEST_MS = 300_000

interface Count {
  passed: number
  failed: number
}

/** Runs all tests, or the files given; yields 0 when all pass and there were any. */
export async function test(args: readonly string[], launch: Launch): Promise<number> {
  await setUp(['guests', 'networks', 'image', 'test'], thisMachine())
  const stages = args.length > 0 ? [{ name: 'the given tests', files: args, concurrency: 1 }] : STAGES
  const total: Count = { passed: 0, failed: 0 }
  let worst = 0
  for (const [index, stage] of stages.entries()) {
    console.log(`\n${index + 1}/${stages.length}: ${stage.name}`)
    const { code, count } = await run(stage, launch)
    total.passed += count.passed
    total.failed += count.failed
    worst = Math.max(worst, code)
  }
  if (total.passed + total.failed === 0) console.error('No test ran.')
  console.log(`\ntests: ${total.passed} passed, ${total.failed} failed`)
  return total.passed + total.failed === 0 ? 1 : worst
}

async function run(stage: Stage, launch: Launch): Promise<{ code: number; count: Count }> {
  const args = [
    '--test',
    '--test-reporter=spec',
    // A test that hangs fails, and says which it was.
    `--test-timeout=${TEST_MS}`,
    `--test-concurrency=${stage.concurrency}`,
    ...stage.files,
  ]
  const { code, output } = await runKept({ program: process.execPath, args, cwd: launch.root }, (text) =>
    process.stdout.write(text),
  )
  const number = (word: string) =>
    Number(new RegExp(`^(?:\\u001B\\[\\d+m)*\u2139 ${word} (\\d+)`, 'm').exec(output)?.[1] ?? 0)
  return { code, count: { passed: number('pass'), failed: number('fail') + number('cancelled') } }
}
