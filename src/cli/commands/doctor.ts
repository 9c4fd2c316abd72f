/** `kilonova doctor`: looks at all that the services of a nova.conf need, and says how to mend what is broken. */
import { ConfigError } from '#config/index.ts'
import { createHttpClient } from '#lib/http/index.ts'
import { reasonOf } from '#lib/undo.ts'
import { helpOf, parseArguments, UsageError } from '../arguments.ts'
import { type Check, failed, type Finding, type Patient } from '../doctor/check.ts'
import { DATABASE_CHECKS } from '../doctor/database-checks.ts'
import { HOST_CHECKS } from '../doctor/host-checks.ts'
import { NEIGHBOUR_CHECKS } from '../doctor/neighbour-checks.ts'
import { openNovaDatabase } from '../services/database.ts'
import { loadServiceSettings } from '../services/settings.ts'

const SPECS = {
  'config-file': { value: 'FILE', multiple: true, help: 'nova.conf to read [/etc/nova/nova.conf]' },
  'config-dir': { value: 'DIR', multiple: true, help: 'read its *.conf after the files' },
  help: { help: 'this text' },
} as const

const USAGE = 2
const SICK = 1
/** A check that takes longer has failed. */
const CHECK_MS = 15_000

const CHECKS: readonly Check[] = [...HOST_CHECKS, ...DATABASE_CHECKS, ...NEIGHBOUR_CHECKS]

const MARKS = { ok: 'ok     ', skipped: '-      ', warning: 'warning', failed: 'FAILED ' } as const

/** Yields the exit code: 0 when nothing failed, 1 when something did, 2 for a configuration that cannot be read. */
export async function doctor(
  args: readonly string[],
  say: (line: string) => void = (line) => console.log(line),
): Promise<number> {
  try {
    const given = parseArguments(SPECS, args)
    if (given.help) {
      say(`kilonova doctor [options]\n\n${helpOf(SPECS)}`)
      return 0
    }
    const files = { files: given['config-file'], directories: given['config-dir'] }
    const { config, warnings } = await loadServiceSettings(files, process.env)
    const http = createHttpClient()
    const isConfigured = (config.database.connection ?? config.api_database.connection) !== null
    const database = isConfigured ? openNovaDatabase(config) : undefined
    const path = process.env['PATH'] ?? ''
    try {
      return await examine({ config, warnings, database, http, path, now: () => Date.now() }, say)
    } finally {
      await http.close()
      await database?.close()
    }
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error
    say(`kilonova doctor: ${error.message}`)
    return USAGE
  }
}

async function examine(patient: Patient, say: (line: string) => void): Promise<number> {
  const width = Math.max(...CHECKS.map(({ name }) => name.length))
  const count = { ok: 0, skipped: 0, warning: 0, failed: 0 }
  for (const check of CHECKS)
    for (const finding of await resultOf(check, patient)) {
      count[finding.state] += 1
      say(`${MARKS[finding.state]}  ${check.name.padEnd(width)}  ${finding.says}`)
      if ('mend' in finding) say(`${' '.repeat(MARKS.ok.length + width + 4)}mend: ${finding.mend}`)
    }
  say(count.failed === 0 ? 'Nothing is broken.' : `Broken: ${count.failed}.`)
  return count.failed === 0 ? 0 : SICK
}

async function resultOf(check: Check, patient: Patient): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly Finding[]>((resolve) => {
    const finding = failed(`no answer within ${CHECK_MS / 1_000} s`, check.mend)
    timer = setTimeout(() => resolve([finding]), CHECK_MS)
  })
  const found = check
    .run(patient)
    .catch((error: unknown) => [failed(reasonOf(error), check.mendOf?.(error) ?? check.mend)])
  try {
    return await Promise.race([found, late])
  } finally {
    clearTimeout(timer)
  }
}
