/** Loading: precedence, references, types, and what is said of wrong, unknown and deprecated options. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { splitList } from './convert.ts'
import { ConfigError, loadConfig } from './load.ts'
import type { Sources } from './sources.ts'

const FACTS = { hostname: 'node1', hostAddress: '192.0.2.7', stateDirectory: '/var/lib/nova' }

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kilonova-config-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** Loads one file's text (and whatever else is given). */
async function load(t: TestContext, text: string, more: Sources = {}) {
  const path = join(directory(t), 'nova.conf')
  writeFileSync(path, text)
  return { path, ...(await loadConfig({ files: [path], ...more }, FACTS)) }
}

async function problemsOf(t: TestContext, text: string, more: Sources = {}): Promise<readonly string[]> {
  try {
    await load(t, text, more)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  return assert.fail('was accepted')
}

test('defaults come from the declarations, the machine and each other', async () => {
  const { config, warnings } = await loadConfig({}, FACTS)
  assert.equal(config.DEFAULT.host, 'node1')
  assert.equal(config.DEFAULT.my_block_storage_ip, '192.0.2.7')
  assert.equal(config.DEFAULT.instances_path, '/var/lib/nova/instances')
  assert.equal(config.quota.instances satisfies number, 10)
  assert.equal(config.DEFAULT.cpu_allocation_ratio satisfies number | null, null)
  assert.deepEqual(warnings, [])
})

test('the command line wins over the environment, the environment over files, later files over earlier', async (t) => {
  const dir = directory(t)
  mkdirSync(join(dir, 'conf.d'))
  writeFileSync(join(dir, 'a.conf'), '[quota]\ninstances = 1\ncores = 1\nram = 1\nkey_pairs = 1\n')
  writeFileSync(join(dir, 'conf.d', '20.conf'), '[quota]\ncores = 20\nram = 20\nkey_pairs = 20\n')
  writeFileSync(join(dir, 'conf.d', '10.conf'), '[quota]\ncores = 10\n')
  writeFileSync(join(dir, 'conf.d', 'ignored.txt'), '[quota]\ncores = 99\n')
  const { config } = await loadConfig(
    {
      files: [join(dir, 'a.conf')],
      directories: [join(dir, 'conf.d')],
      environment: { OS_QUOTA__RAM: '30', OS_QUOTA__KEY_PAIRS: '30', OS_CLOUD: 'x', OS_OTHER__THING: '1' },
      defaults: { 'quota.instances': '0', 'quota.server_groups': '0' },
      overrides: { 'quota.key_pairs': '40' },
    },
    FACTS,
  )
  const { server_groups, instances, cores, ram, key_pairs } = config.quota
  assert.deepEqual([server_groups, instances, cores, ram, key_pairs], [0, 1, 20, 30, 40])
})

test('references reach their own section, DEFAULT and others; $$ is a dollar sign', async (t) => {
  const { config, warnings } = await load(
    t,
    `[DEFAULT]
my_ip = 198.51.100.1
state_path = /srv/$host
[vnc]
novncproxy_port = 7000
novncproxy_base_url = http://$my_ip:\${vnc.novncproxy_port}/vnc_auto.html
[neutron]
password = a$$b\\$c$nothing
`,
  )
  assert.equal(config.vnc.novncproxy_base_url, 'http://198.51.100.1:7000/vnc_auto.html')
  assert.equal(config.DEFAULT.instances_path, '/srv/node1/instances')
  assert.equal(config.neutron.password, 'a$b$c$nothing')
  assert.match(warnings.join(), /\[neutron\] password refers to an unknown option nothing/)
})

test('options that refer to one another in a circle are refused', async (t) => {
  const problems = await problemsOf(t, '[DEFAULT]\nstate_path = $instances_path/x\n')
  assert.match(problems.join('\n'), /refers to itself/)
})

test('multi-valued options gather their repetitions, others take the last', async (t) => {
  const { config } = await load(
    t,
    '[pci]\nalias = {"a": 1}\nalias = {"b": 2}\n[quota]\ncores = 1\ncores = 2\n',
  )
  assert.deepEqual(config.pci.alias, ['{"a": 1}', '{"b": 2}'])
  assert.equal(config.quota.cores, 2)
})

test('a wrong value is refused with file, line, option and what was expected; all at once; secrets unseen', async (t) => {
  const problems = await problemsOf(
    t,
    `[DEFAULT]
my_ip = 192.0.2.1
running_deleted_instance_action = explode
[vnc]
enabled = maybe
novncproxy_port = 70000
server_listen = not a host
novncproxy_base_url = nowhere
[quota]
cores = -2
ram = many
[database]
connection = ok
[filter_scheduler]
ram_weight_multiplier = 1.5.1
`,
    { environment: { OS_SCHEDULER__MAX_ATTEMPTS: '0' } },
  )
  const text = problems.join('\n')
  assert.equal(problems.length, 9, text)
  assert.match(
    text,
    /nova\.conf:3: \[DEFAULT\] running_deleted_instance_action = "explode": expected one of "reap"/,
  )
  assert.match(text, /nova\.conf:5: \[vnc\] enabled = "maybe": expected true or false/)
  assert.match(text, /nova\.conf:6: .*expected a port from 0 to 65535/)
  assert.match(text, /nova\.conf:10: \[quota\] cores = "-2": expected a whole number, at least -1/)
  assert.match(text, /environment OS_SCHEDULER__MAX_ATTEMPTS: .*at least 1/)
})

test('a file that cannot be read and a line that cannot be parsed refuse the start', async (t) => {
  const problems = await problemsOf(t, '[DEFAULT]\nnonsense\n', {})
  assert.match(problems.join(), /nova\.conf:2: 'nonsense' is neither/)
  await assert.rejects(
    loadConfig({ files: ['/nowhere/nova.conf'] }, FACTS),
    /\/nowhere\/nova\.conf: cannot be read/,
  )
})

test('an unknown option is a warning with the nearest name, and says when it is one of Nova unused here', async (t) => {
  const { warnings } = await load(
    t,
    '[quota]\nintsances = 5\n[vcn]\nenabled = true\n[DEFAULT]\nnovncproxy_base_url = http://h/\ncores = 3\n[constructor]\nname = 1\n[libvirt]\nquobyte_client_cfg = x\n',
  )
  const text = warnings.join('\n')
  assert.match(text, /nova\.conf:2: \[quota\] intsances is unknown; did you mean instances\?/)
  assert.match(text, /\[vcn\] is an unknown section.*did you mean \[vnc\]|\[vcn\].*enabled belongs/)
  assert.match(text, /\[DEFAULT\] cores is unknown; .*(cores belongs in \[quota\])/)
  assert.match(text, /quobyte_client_cfg is an option of Nova's that Kilonova does not use/)
  assert.match(text, /\[DEFAULT\] novncproxy_base_url is deprecated: write novncproxy_base_url in \[vnc\]/)
})

test('a deprecated name is honoured, and gives way to the new one in the same file', async (t) => {
  const old = await load(t, '[DEFAULT]\nquota_instances = 7\n')
  assert.equal(old.config.quota.instances, 7)
  const both = await load(t, '[quota]\ninstances = 3\n[DEFAULT]\nquota_instances = 7\n')
  assert.equal(both.config.quota.instances, 3)
})

test('property: a list of any texts survives being written with quotes', () => {
  const item = fc.string({ unit: 'grapheme-ascii' })
  fc.assert(
    fc.property(fc.array(item, { minLength: 1 }), (items) => {
      const written = items.map((text) => `"${text.replaceAll('"', '""')}"`).join(', ')
      assert.deepEqual(splitList(written), items)
    }),
  )
})

test('lists: blanks around items do not count, continued lines do, a trailing comma ends the list', () => {
  assert.deepEqual(splitList('a, b ,c'), ['a', 'b', 'c'])
  assert.deepEqual(splitList('a,\nb,\n'), ['a', 'b'])
  assert.deepEqual(splitList(`it's, "x, y", plain "quote"`), ["it's", 'x, y', 'plain "quote"'])
  assert.deepEqual(splitList(''), [])
})
