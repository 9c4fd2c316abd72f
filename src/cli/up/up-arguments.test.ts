/** The arguments of `kilonova up`, and what is said of wrong ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../arguments.ts'
import { readUpArguments, upHelp } from './up-arguments.ts'

test('defaults, and several hosts mean simulated ones', () => {
  const { port, host, driver, hosts, stateDir } = readUpArguments([])
  assert.deepEqual(
    { port, host, driver, hosts },
    { port: 8774, host: '127.0.0.1', driver: undefined, hosts: 1 },
  )
  assert.match(stateDir, /^\/.*\.kilonova$/)
  assert.equal(readUpArguments(['--hosts', '5']).driver, 'simulated')
})

test('wrong arguments are refused by name', () => {
  const wrong = [
    ['--port', '70000'],
    ['--port=-1'],
    ['--hosts', '0'],
    ['--hosts', '2', '--driver', 'qemu'],
    ['--driver', 'kvm'],
    ['--prot', '1'],
    ['up'],
    ['--port'],
  ]
  for (const args of wrong) assert.throws(() => readUpArguments(args), UsageError, args.join(' '))
})

test('the help names every option', () => {
  const help = upHelp()
  for (const name of [
    'port',
    'state-dir',
    'driver',
    'hosts',
    'ready-file',
    'reset',
    'config-file',
    'config-dir',
    'host',
  ])
    assert.match(help, new RegExp(`--${name}\\b`))
})
