/**
 * Writes docs/instance-states.md from the tables in model/instance: the diagram of vm states, what may
 * be asked in which, and the API's status of each. `--check` only says whether the page is fresh.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  type Operation,
  OPERATION_NAMES,
  type OperationRule,
  ruleOf,
  statusOf,
  TASK_STATES,
  type TaskState,
  VM_STATES,
  type VmState,
} from '#model/instance/index.ts'

const PAGE = resolve(import.meta.dirname, '../docs/instance-states.md')

/** Mermaid's names for states may hold no dash. */
const nodeOf = (state: VmState): string => state.replaceAll('-', '_')

/** An arrow for each pair of states, with all operations that lead from one to the other. */
function diagram(): string {
  const arrows = new Map<string, string[]>()
  const draw = (from: VmState, to: VmState, operation: string) => {
    const arrow = `${nodeOf(from)} --> ${nodeOf(to)}`
    arrows.set(arrow, [...(arrows.get(arrow) ?? []), operation])
  }
  for (const operation of OPERATION_NAMES) {
    const { vmStates, to } = ruleOf(operation)
    if (vmStates === 'any') continue
    // What may end where it began does so: a rebuilt instance stays stopped when it was.
    const leaving = vmStates.filter((from) => !to.includes(from))
    for (const from of leaving) for (const end of to) draw(from, end, operation)
  }
  const lines = [...arrows].map(([arrow, operations]) => `    ${arrow} : ${operations.join(', ')}`)
  return [
    '```mermaid',
    'stateDiagram-v2',
    '    [*] --> building : create',
    '    building --> active',
    ...lines,
    '```',
  ].join('\n')
}

const code = (words: readonly (string | null)[]): string =>
  words.map((word) => (word === null ? 'none' : `\`${word}\``)).join(', ')

function operationRow(operation: Operation): string {
  const rule: OperationRule = ruleOf(operation)
  const during = rule.taskStates === 'any' ? 'any' : code(rule.taskStates)
  const not = rule.notDuring.length > 0 ? ` but ${code(rule.notDuring)}` : ''
  const needs = [
    ...(rule.needsHost === 'set' ? ['a host'] : []),
    ...(rule.needsHost === 'up' ? ['a host that is up'] : []),
    ...(rule.mustHaveLaunched ? ['to have run'] : []),
    ...(rule.refusedWhenLocked ? ['no lock'] : []),
  ]
  const cells = [
    `\`${operation}\``,
    `\`${rule.action}\``,
    rule.vmStates === 'any' ? 'any' : code(rule.vmStates),
    `${during}${not}`,
    rule.through === null ? '' : `\`${rule.through}\``,
    code(rule.to),
    needs.join(', '),
  ]
  return `| ${cells.join(' | ')} |`
}

function statusRows(): string[] {
  return VM_STATES.map((vmState) => {
    const usual = statusOf(vmState, null)
    const special = TASK_STATES.filter((task: TaskState) => statusOf(vmState, task) !== usual)
    const during = Object.entries(Object.groupBy(special, (task) => statusOf(vmState, task))).map(
      ([status, tasks]) => `\`${status}\` during ${code(tasks ?? [])}`,
    )
    return `| \`${vmState}\` | \`${usual}\` | ${during.join('; ')} |`
  })
}

/** The page as it should be. */
export function statesPage(): string {
  return `<!-- Written by tools/draw-states.ts from src/model/instance. Change the tables there and run it again. -->
# The states of an instance

An instance has a vm state (what it is) and, while something is under way, a task state (what is being done to it).
Everything below comes from two tables in \`src/model/instance\`: \`operations.ts\` and \`status.ts\`.

## What leads where

Not drawn: \`delete\` and \`force_delete\` lead from every state to \`deleted\`, \`soft_delete\` to \`soft-delete\`, and a failure to \`error\`.

${diagram()}

## What may be asked, and when

An operation is refused with a 409 unless the vm state and the task state are among those given. *Through* is the task
state while it is under way, *to* the vm states it may end in; where *to* is empty the instance stays what it was.
A lock stops everyone but admins.

| operation | in the API | vm states | task states | through | to | needs |
|---|---|---|---|---|---|---|
${OPERATION_NAMES.map(operationRow).join('\n')}

## The status the API shows

| vm state | status | but |
|---|---|---|
${statusRows().join('\n')}
`
}

/** The page as it is; empty when there is none. */
export function currentPage(): string {
  try {
    return readFileSync(PAGE, 'utf8')
  } catch {
    return ''
  }
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const isFresh = currentPage() === statesPage()
    console.log(
      isFresh
        ? 'docs/instance-states.md is fresh'
        : 'docs/instance-states.md is stale: run tools/draw-states.ts',
    )
    process.exitCode = isFresh ? 0 : 1
  } else {
    writeFileSync(PAGE, statesPage())
  }
}
