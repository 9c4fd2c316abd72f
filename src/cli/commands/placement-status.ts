/** `placement-status upgrade check`: whether the tables and the policy file are fit for this release. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Database } from '#db/kit/index.ts'
import { messageOf } from '#lib/undo.ts'
import { type CheckResult, UPGRADE_CHECKS } from '#placement/index.ts'
import { UsageError } from '../arguments.ts'
import { loadPlacementSettings, openPlacementDatabase } from '../placement/settings.ts'
import { drawTable, wrap } from '../placement/table.ts'

const HELP = `placement-status [--config-file FILE] [--config-dir DIR] upgrade check [--json]

Exit codes: 0 all is well, 1 a warning, 2 a failure, 255 the check itself failed.`

const TITLE = 'Upgrade Check Results'
const USAGE = 2
const ERROR = 255
const DETAILS_WIDTH = 60
const CODE: Readonly<Record<CheckResult, number>> = { success: 0, warning: 1, failure: 2 }
const WORD: Readonly<Record<CheckResult, string>> = {
  success: 'Success',
  warning: 'Warning',
  failure: 'Failure',
}

interface Outcome {
  readonly name: string
  readonly result: CheckResult
  readonly details: string | null
}

/** Yields the exit code. */
export async function placementStatus(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = readArguments(args)
    if (values.help) {
      console.log(HELP)
      return 0
    }
    if (positionals.join(' ') !== 'upgrade check')
      throw new UsageError(`upgrade check is what there is\n\n${HELP}`)
    const files = { files: values['config-file'] ?? [], directories: values['config-dir'] ?? [] }
    const { config, policyFile } = await loadPlacementSettings(files, process.env)
    const db = openPlacementDatabase(config)
    try {
      const outcomes = await checkAll(db, policyFile)
      print(outcomes, values.json)
      return Math.max(...outcomes.map(({ result }) => CODE[result]))
    } finally {
      await db.close()
    }
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`placement-status: ${error.message}`)
      return USAGE
    }
    console.log(`Error:\n${messageOf(error)}`)
    return ERROR
  }
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'config-file': { type: 'string', multiple: true },
        'config-dir': { type: 'string', multiple: true },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}

async function checkAll(db: Database, policyFile: string | undefined): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { name, run } of UPGRADE_CHECKS) outcomes.push({ name, ...(await run(db)) })
  return [...outcomes, { name: 'Policy File JSON to YAML Migration', ...checkPolicyFile(policyFile) }]
}

function checkPolicyFile(path: string | undefined): Omit<Outcome, 'name'> {
  if (path === undefined || !isJson(readFileSync(path, 'utf8'))) return { result: 'success', details: null }
  return {
    result: 'failure',
    details: `Your policy file ${path} is JSON-formatted which is deprecated. You need to switch to YAML-formatted file.`,
  }
}

function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined
  } catch {
    return false
  }
}

function print(outcomes: readonly Outcome[], json: boolean): void {
  if (json) {
    const checks = outcomes.map(({ name, result, details }) => ({
      check: name,
      result: CODE[result],
      details,
    }))
    console.log(JSON.stringify({ name: TITLE, checks }))
    return
  }
  const rows = outcomes.map(({ name, result, details }) => [
    `Check: ${name}\nResult: ${WORD[result]}\nDetails: ${details === null ? 'None' : wrap(details, DETAILS_WIDTH)}`,
  ])
  console.log(drawTable([TITLE], rows, { ruled: true }))
}
