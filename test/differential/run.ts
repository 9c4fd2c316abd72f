/**
 * `npm run differential -- placement`: the same random requests to our Placement and to the real one
 * (../shared/oracle), and every difference between their answers that is not explained. Run as root: the
 * real one is installed and started by its own script.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findOracle, startOracle } from '../interop/oracle.ts'
import { runPlacement } from './placement/run.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    oracle: { type: 'string' },
    requests: { type: 'string', default: '2500' },
    seed: { type: 'string', default: '1' },
    database: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})
if (positionals.join() !== 'placement') {
  console.error(
    'npm run differential -- placement [--requests N] [--seed S] [--database URL] [--oracle DIR] [--verbose]',
  )
  process.exit(2)
}
const dir = mkdtempSync(join(tmpdir(), 'kilonova-differential-'))
const oracle = await startOracle(findOracle(values.oracle), ['--no-neutron'])
try {
  const unexplained = await runPlacement(oracle, {
    dir,
    databaseUrl: values.database ?? `sqlite://${dir}/placement.sqlite`,
    requests: Number(values.requests),
    seed: Number(values.seed),
    verbose: values.verbose,
  })
  process.exitCode = unexplained === 0 ? 0 : 1
} finally {
  await oracle.release()
  if (process.exitCode === 0) rmSync(dir, { recursive: true })
  else console.log(`logs and configurations are in ${dir}`)
}
