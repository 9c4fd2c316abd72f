import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { checkFile, checkLayers } from './check-layers.ts'

const ROOT = resolve(import.meta.dirname, '..')
const SRC = join(ROOT, 'src')

const refusals = [
  ['a service importing another', 'conductor/x.ts', "import { selectHosts } from '#scheduler/index.ts'"],
  ['a compute importing the database', 'compute/x.ts', "import { getInstance } from '#db/instances.ts'"],
  [
    'a compute importing even a type of the database',
    'compute/x.ts',
    "import type { Database } from '#db/kit/index.ts'",
  ],
  ['a driver importing the bus', 'virt/qemu/x.ts', "import type { Bus } from '#bus/port.ts'"],
  ['Placement importing stores of Nova', 'placement/x.ts', "import { findService } from '#db/services.ts'"],
  ['lib importing the model', 'lib/x.ts', "export { VM_STATES } from '#model/instance/index.ts'"],
  [
    'a service importing a stand-in, lazily',
    'api/x.ts',
    "const k = await import('#stand-ins/keystone/index.ts')",
  ],
  ['anything importing cli', 'stand-ins/keystone/x.ts', "import '#cli/up.ts'"],
  ['an import past a door', 'conductor/x.ts', "import { a } from '#lib/http/app.ts'"],
  ['a relative import out of a room', 'api/servers/x.ts', "import { b } from '../flavors/show.ts'"],
  ['a folder in no layer', 'drawer/x.ts', ''],
] as const

for (const [what, file, text] of refusals) {
  test(`refuses ${what}, with a reason`, () => {
    const [violation] = checkFile(SRC, file, text)
    assert.ok(violation, `${text} in ${file} was allowed`)
    assert.notEqual(violation.reason, '')
  })
}

test('allows imports that go down through doors', () => {
  const text =
    "import { Fault } from '#lib/fault.ts'\nimport type { Bus } from '#bus/port.ts'\nimport { x } from './x.ts'"
  assert.deepEqual(checkFile(SRC, 'conductor/y.ts', text), [])
})

test('a forbidden import put into the real tree is found', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'layers-'))
  t.after(() => rmSync(root, { recursive: true }))
  cpSync(SRC, join(root, 'src'), { recursive: true })
  const before = checkLayers(root)
  writeFileSync(
    join(root, 'src/compute/smuggle.ts'),
    "import { openDatabase } from '#db/kit/index.ts'\nopenDatabase\n",
  )
  const added = checkLayers(root).filter(({ file }) => !before.some((known) => known.file === file))
  assert.deepEqual(
    added.map(({ file, imported }) => [file, imported]),
    [['compute/smuggle.ts', '#db/kit/index.ts']],
  )
})
