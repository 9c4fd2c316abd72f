/**
 * `npm run interop -- nova-on-our-placement` and `npm run interop -- our-cloud-on-real-placement`: ours and
 * the real services (../shared/oracle) together. Run as root: the real ones are installed and started by
 * their own script.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { novaOnOurPlacement } from './nova-on-our-placement.ts'
import { findOracle, type Oracle, startOracle } from './oracle.ts'
import { ourCloudOnRealPlacement } from './our-cloud-on-real-placement.ts'

type Run = (oracle: Oracle, options: { readonly dir: string; readonly databaseUrl: string }) => Promise<void>

const RUNS: Readonly<Record<string, Run>> = {
  'nova-on-our-placement': novaOnOurPlacement,
  'our-cloud-on-real-placement': ourCloudOnRealPlacement,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { oracle: { type: 'string' }, database: { type: 'string' } },
})
const [name = ''] = positionals
const run = Object.hasOwn(RUNS, name) ? RUNS[name] : undefined
if (!run) {
  console.error(
    `npm run interop -- NAME [--oracle DIR] [--database URL]; NAME is one of ${Object.keys(RUNS).join(', ')}`,
  )
  process.exit(2)
}
const dir = mkdtempSync(join(tmpdir(), 'kilonova-interop-'))
const oracle = await startOracle(findOracle(values.oracle), [])
try {
  await run(oracle, { dir, databaseUrl: values.database ?? `sqlite://${dir}/placement.sqlite` })
  console.log(`${name}: all is well`)
  rmSync(dir, { recursive: true })
} catch (error) {
  console.error(`${name}: it went wrong; logs and configurations are in ${dir}\n`, error)
  process.exitCode = 1
} finally {
  await oracle.release()
}
