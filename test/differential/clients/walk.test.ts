/** The walk has a line for each command the clients have, and its explanations are read no wider than they say. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { explains, readExplanations, withoutNames } from './explained.ts'
import { EXPLANATIONS_PAGE, WALK } from './run.ts'
import { outcomeOf } from './shape.ts'
import { commandOf, readWalk } from './walk.ts'

const COMMANDS = `
import ast, importlib.util, json
from importlib.metadata import entry_points
shell = importlib.util.find_spec('novaclient').submodule_search_locations[0] + '/v2/shell.py'
print(json.dumps({
  'openstack': [each.name.replace('_', ' ') for group in ('openstack.compute.v2', 'openstack.common')
                for each in entry_points(group=group)],
  'nova': list({node.name[3:].replace('_', '-') for node in ast.parse(open(shell).read()).body
                if isinstance(node, ast.FunctionDef) and node.name.startswith('do_')}),
}))
`

test('each compute command of the clients is in the walk', () => {
  const steps = readWalk(readFileSync(WALK, 'utf8'))
  const printed = execFileSync('/usr/bin/python3', ['-c', COMMANDS]).toString()
  const commands = JSON.parse(printed) as Record<'openstack' | 'nova', string[]>
  for (const program of ['openstack', 'nova'] as const) {
    const all = new Set(commands[program])
    assert.ok(all.size > 80, `${program} has but ${all.size} commands`)
    const walked = new Set(
      steps.filter((step) => step.program === program).map((step) => commandOf(step, all)),
    )
    assert.deepEqual([...all].filter((command) => !walked.has(command)).sort(), [], program)
  }
})

test('names and types are what is compared of an output, and words without ids of a refusal', () => {
  const id = '4a1cbb6e-5a37-4d5e-9c3d-2f1f7e2b8f10'
  const said = (out: string, code = 0, err = '') => outcomeOf({ code, out, err })
  assert.equal(said('[{"a": 1}, {"a": null}, {"a": 2}]').shows, '[{a: null} | {a: number}]')
  const table = '+----+---+\n| ID | N |\n+----+---+\n| 1  | x |\n+----+---+\n'
  assert.equal(said(table).shows, 'ID, N')
  assert.equal(said(table.replace('ID | N', 'Property | Value')).shows, '1')
  const refused = said('', 1, `ERROR (NotFound): no ${id} (HTTP 404) (Request-ID: req-${id})\n`)
  assert.deepEqual(
    [refused.status, refused.error],
    ['404', 'ERROR (NotFound): no ID (HTTP 404) (Request-ID: REQUEST)'],
  )
})

test('a row explains what begins as it says, of its commands', () => {
  const row = { command: 'nova list', kind: 'shows', begins: 'ID', why: 'so' }
  const seen = { command: 'nova list --all', kind: 'shows', text: 'ID, Name' }
  assert.equal(explains(row, seen), true)
  for (const other of [{ command: 'nova show' }, { kind: 'code' }, { text: 'Name' }])
    assert.equal(explains(row, { ...seen, ...other }), false)
  assert.deepEqual(
    readExplanations(EXPLANATIONS_PAGE).filter(({ why }) => why === ''),
    [],
  )
})

test('names are left out on either side, of that command only', () => {
  const row = { command: 'openstack port create', kind: 'names', begins: 'dns_name, dns_domain', why: 'so' }
  const said = (shown: object) => ({ code: 0, out: JSON.stringify(shown), err: '' })
  const shown = [said({ id: 'x', dns_name: { a: '' } }), said({ id: 'y', dns_name: null })] as const
  assert.deepEqual(withoutNames([row], 'openstack port create p', shown), [row])
  assert.deepEqual(withoutNames([row], 'openstack port show p', shown), [])
  assert.deepEqual(withoutNames([row], 'openstack port create p', [shown[0], said({ id: 1 })]), [])
})
