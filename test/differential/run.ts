/**
 * `npm run differential -- placement`: the same random requests to our Placement and to the real one
 * (../shared/oracle), and every difference between their answers that is not explained. Run as root: the
 * real one is installed and started by its own script.
 * `npm run differential -- compute`: a real Nova's recorded answers, and ours to the same requests.
 * `npm run differential -- clients`: every compute command of Debian's clients, in ours and in a real Nova.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findOracle, startOracle } from '../interop/oracle.ts'
import { runClients, SDK_WALK, WALK } from './clients/run.ts'
import { runCompute } from './compute/run.ts'
import { runPlacement } from './placement/run.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    oracle: { type: 'string' },
    requests: { type: 'string', default: '2500' },
    seed: { type: 'string', default: '1' },
    database: { type: 'string' },
    walk: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})
const USAGE = `npm run differential -- compute [--oracle DIR]
npm run differential -- clients [--walk FILE] [--oracle DIR] [--verbose]
npm run differential -- placement [--requests N] [--seed S] [--database URL] [--oracle DIR] [--verbose]`

async function placement(): Promise<number> {
  const oracle = await startOracle(findOracle(values.oracle), ['--no-neutron'])
  try {
    return await runPlacement(oracle, {
      dir,
      databaseUrl: values.database ?? `sqlite://${dir}/placement.sqlite`,
      requests: Number(values.requests),
      seed: Number(values.seed),
      verbose: values.verbose,
    })
  } finally {
    await oracle.release()
  }
}

const compute = (): Promise<number> => runCompute(findOracle(values.oracle), dir)

async function clients(): Promise<number> {
  const oracle = await startOracle(findOracle(values.oracle), ['-n', '2', '--cinder'])
  try {
    return await runClients(oracle, {
      dir,
      walks: values.walk === undefined ? [WALK, SDK_WALK] : [values.walk],
      verbose: values.verbose,
    })
  } finally {
    await oracle.release()
  }
}

const run = { placement, compute, clients }[positionals.join()]
if (!run) {
  console.error(USAGE)
  process.exit(2)
}
const dir = mkdtempSync(join(tmpdir(), 'kilonova-differential-'))
process.exitCode = 1
try {
  if ((await run()) === 0) process.exitCode = 0
} finally {
  if (process.exitCode === 0) rmSync(dir, { recursive: true })
  else console.log(`logs and configurations are in ${dir}`)
}
