/** The INI reader: oslo.config's dialect, and what it says of lines it cannot read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { readIni } from './ini.ts'

const read = (text: string) =>
  readIni(text).assignments.map(({ section, key, value }) => [section, key, value])

test('reads sections, both separators, quotes, comments, continuation and repetition', () => {
  const text = `
# comment = no
; comment : no
[DEFAULT]
my_ip = 192.0.2.1
transport_url: rabbit://a:b@host/
quoted = " spaced "
pool-size = 3
servers = one,
  two,
\tthree
empty =

[PCI]
alias = {"name": "a"}
alias = {"name": "b"}
[DEFAULT]
my_ip = 192.0.2.2`
  assert.deepEqual(read(text), [
    ['DEFAULT', 'my_ip', '192.0.2.1'],
    ['DEFAULT', 'transport_url', 'rabbit://a:b@host/'],
    ['DEFAULT', 'quoted', ' spaced '],
    ['DEFAULT', 'pool_size', '3'],
    ['DEFAULT', 'servers', 'one,\ntwo,\nthree'],
    ['DEFAULT', 'empty', ''],
    ['pci', 'alias', '{"name": "a"}'],
    ['pci', 'alias', '{"name": "b"}'],
    ['DEFAULT', 'my_ip', '192.0.2.2'],
  ])
})

test('a blank line ends a value: what is indented after it continues nothing', () => {
  const { assignments, problems } = readIni('[a]\nk = v\n\n  lost\n')
  assert.equal(assignments[0]?.value, 'v')
  assert.deepEqual(problems, [{ line: 4, message: 'an indented line continues nothing' }])
})

test('says the line of what it cannot read, and reads the rest', () => {
  const { assignments, problems } = readIni('early = 1\n[half\n[]\n= value\nnonsense\n[ok]\nk = v')
  assert.deepEqual(new Set(problems.map(({ line }) => line)), new Set([1, 2, 3, 4, 5]))
  assert.equal(assignments.length, 1)
})

const key = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/)
const value = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/).filter((text) => !/^["'].*["']$/.test(text))
const section = fc.constantFrom('DEFAULT', 'vnc', 'neutron')

test('property: what is written is read again, with its line', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ section, key, value })),
      fc.constantFrom(' = ', '=', ': '),
      (entries, sep) => {
        const text = entries.map((entry) => `[${entry.section}]\n${entry.key}${sep}${entry.value}`).join('\n')
        const { assignments, problems } = readIni(text)
        assert.deepEqual(problems, [])
        assert.deepEqual(
          assignments,
          entries.map((entry, index) => ({ ...entry, line: index * 2 + 2 })),
        )
      },
    ),
  )
})

test('property: no text makes the reader fail, and every line is either read, empty or complained of', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '=', ':', '[', ']', '\n', ' ', '#', '"', '\t') }),
      (text) => {
        const { assignments, problems } = readIni(text)
        const lines = text.split('\n').length
        for (const { line } of [...assignments, ...problems]) assert.ok(line >= 1 && line <= lines)
      },
    ),
  )
})
