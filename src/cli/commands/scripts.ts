/** Commands that hand over to a script of the checkout: `crash`, `chaos`, `bench`, `parity`, `fuzz`, `differential`, `interop`, `simulate`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runShown } from '../run-process.ts'
import { setUp } from '../setup/set-up.ts'
import { thisMachine } from '../this-machine.ts'
import type { Launch } from '../main.ts'

/** Runs a script of the checkout, or tells how it is used. `needs` is set up before. */
async function script(
  launch: Launch,
  path: string,
  args: readonly string[],
  needs: Parameters<typeof setUp>[0] = [],
): Promise<number> {
  if (args.some((arg) => arg === '--help' || arg === '-h')) {
    console.log(usageOf(readFileSync(join(launch.root, path), 'utf8')))
    return 0
  }
  if (needs.length > 0) await setUp(needs, thisMachine())
  const told = ['--import', pathToFileURL(join(launch.root, 'tools/wrong-options.ts')).href]
  return runShown({ program: process.execPath, args: [...told, path, ...args], cwd: launch.root })
}

/** What a script says of itself: the comment that it opens with, and the options that it reads. */
function usageOf(source: string): string {
  const comment = /^\/\*\*(.*?)\*\//s.exec(source)?.[1] ?? ''
  const text = comment.replaceAll(/^ \* ?/gm, '').trim()
  const options = source.matchAll(/^ +'?([\w-]+)'?: \{ type: '(string|boolean)'/gm)
  const names = [...options].map(([, name, type]) => `--${name}${type === 'string' ? ' VALUE' : ''}`)
  return names.length === 0 ? text : `${text}\n\nOptions: ${names.join(', ')}`
}

/** `kilonova crash [--kills N] [--driver D] [--seed S]`. */
export function crash(args: readonly string[], launch: Launch): Promise<number> {
  return script(launch, 'test/crash/run.ts', args, ['guests', 'networks', 'image'])
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
  return script(launch, `bench/${name}.ts`, rest, BENCH_NEEDS[name] ?? ['guests', 'networks', 'image'])
}

const PARITY_TABLE = 'test/parity/cloud-answers.test.ts'

/** `kilonova parity [--write]`: the tests that compare with Nova's facts; `--write` makes docs/api/parity.md. */
export async function parity(args: readonly string[], launch: Launch): Promise<number> {
  if (args[0]?.startsWith('-') && args[0] !== '--write') {
    console.log(
      'npm run parity [-- --write | TEST…]: the tests that compare with published facts; --write tells it anew.',
    )
    return args[0] === '--help' || args[0] === '-h' ? 0 : 2
  }
  const isWriting = args[0] === '--write'
  if (isWriting) process.env['KILONOVA_WRITE_PARITY'] = '1'
  const tests = isWriting ? [PARITY_TABLE] : args.length > 0 ? args : ['test/parity/**/*.test.ts']
  return runShown({ program: process.execPath, args: ['--test', ...tests], cwd: launch.root })
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
export function chaos(args: readonly string[], launch: Launch): Promise<number> {
  return script(launch, 'test/chaos/run.ts', args, ['fleet'])
}

/** `kilonova simulate [--seeds N] [--seed S] [--minutes M]`: a whole cloud on a virtual clock, and what befalls it. */
export const simulate = (args: readonly string[], launch: Launch): Promise<number> =>
  script(launch, 'test/simulation/run.ts', args)
