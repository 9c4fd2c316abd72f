/** Commands that hand over to a script of the checkout: `crash`, `chaos`, `bench`, `parity`, `fuzz`, `differential`, `interop`, `simulate`. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runShown } from '../run-process.ts'
import { setUp } from '../setup/set-up.ts'
import { thisMachine } from '../this-machine.ts'
import type { Launch } from '../main.ts'

const script = (launch: Launch, path: string, args: readonly string[]): Promise<number> =>
  runShown({ program: process.execPath, args: [path, ...args], cwd: launch.root })

/** `kilonova crash [--kills N] [--driver D] [--seed S]`. */
export async function crash(args: readonly string[], launch: Launch): Promise<number> {
  await setUp(['guests', 'networks', 'image'], thisMachine())
  return script(launch, 'test/crash/run.ts', args)
}

/** What a benchmark needs that does not need guests. */
const BENCH_NEEDS: Readonly<Record<string, Parameters<typeof setUp>[0]>> = { 'boot-storm': ['fleet'] }

/** `kilonova bench NAME [arguments]`: runs bench/NAME.ts. */
export async function bench(args: readonly string[], launch: Launch): Promise<number> {
  const names = readdirSync(join(launch.root, 'bench'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -3))
  const [name = '', ...rest] = args
  if (!names.includes(name) || !existsSync(join(launch.root, 'bench', `${name}.ts`))) {
    console.error(`kilonova bench NAME: one of ${names.join(', ')}`)
    return 2
  }
  await setUp(BENCH_NEEDS[name] ?? ['guests', 'networks', 'image'], thisMachine())
  return script(launch, `bench/${name}.ts`, rest)
}

const PARITY_TABLE = 'test/parity/cloud-answers.test.ts'

/** `kilonova parity [--write]`: the tests that compare with Nova's facts; `--write` makes docs/api/parity.md. */
export function parity(args: readonly string[], launch: Launch): Promise<number> {
  if (args[0] !== '--write')
    return script(launch, '--test', args.length > 0 ? args : ['test/parity/**/*.test.ts'])
  process.env['KILONOVA_WRITE_PARITY'] = '1'
  return script(launch, '--test', [PARITY_TABLE])
}

/** `kilonova fuzz [--requests N] [--seed S]`. */
export const fuzz = (args: readonly string[], launch: Launch): Promise<number> =>
  script(launch, 'test/fuzz/run.ts', args)

/** `kilonova differential placement|compute [arguments]`: the same requests to ours and to the real services. */
export const differential = (args: readonly string[], launch: Launch): Promise<number> =>
  script(launch, 'test/differential/run.ts', args)

/** `kilonova interop NAME [arguments]`: ours and the real services together. */
export const interop = (args: readonly string[], launch: Launch): Promise<number> =>
  script(launch, 'test/interop/run.ts', args)

/** `kilonova chaos [--minutes M] [--seed S] [--driver qemu]`: a fleet of real processes, and what befalls it. */
export async function chaos(args: readonly string[], launch: Launch): Promise<number> {
  await setUp(['fleet'], thisMachine())
  return script(launch, 'test/chaos/run.ts', args)
}

/** `kilonova simulate [--seeds N] [--seed S] [--minutes M]`: a whole cloud on a virtual clock, and what befalls it. */
export const simulate = (args: readonly string[], launch: Launch): Promise<number> =>
  script(launch, 'test/simulation/run.ts', args)
