/**
 * Debian's `python3-osc-placement`: each of its commands against a cloud, at the versions at which it looks
 * different. All run in one Python process, for `openstack` takes a second only to begin.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, suite, test } from 'node:test'
import { startCloudProcess, temporaryStateDir, type CloudProcess } from './cloud-process.ts'

/**
 * One command a line, as JSON; answers code and output, as JSON. Each in a fork, for the client keeps the
 * version it met first; what a first one has loaded is there for all others.
 */
const DRIVER = `
import contextlib, importlib, io, json, os, sys
from openstackclient import shell
def run(args):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = shell.OpenStackShell().run(args)
        except SystemExit as end:
            code = end.code
    return {'code': code, 'out': out.getvalue(), 'err': err.getvalue()}
reading, writing = os.pipe()
if os.fork() == 0:
    run(['--os-placement-api-version', '1.6', 'trait', 'list'])
    os.write(writing, ' '.join(name for name in sys.modules if '__' not in name).encode())
    os._exit(0)
os.close(writing)
for name in open(reading).read().split():
    with contextlib.suppress(Exception):
        importlib.import_module(name)
os.wait()
for line in sys.stdin:
    if os.fork() == 0:
        print(json.dumps(run(json.loads(line))), flush=True)
        os._exit(0)
    os.wait()
`

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

class Client {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(stateDir: string) {
    this.#child = spawn('/usr/bin/python3', ['-c', DRIVER], {
      env: {
        HOME: stateDir,
        PATH: process.env['PATH'] ?? '',
        OS_CLIENT_CONFIG_FILE: join(stateDir, 'clouds.yaml'),
        OS_CLOUD: 'kilonova-admin',
        LANG: 'C.UTF-8',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const { stdout } = this.#child
    assert.ok(stdout)
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  }

  async say(version: string, args: readonly string[]): Promise<Said> {
    this.#child.stdin?.write(`${JSON.stringify(['--os-placement-api-version', version, ...args])}\n`)
    const { done, value } = await this.#lines.next()
    assert.ok(done !== true, 'the client has ended')
    return JSON.parse(value) as Said
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.#child.once('exit', done))
    this.#child.stdin?.end()
    await gone
  }
}

/** The commands of the plugin, in the words they are typed in. */
const commandsOfPlugin = (): string[] =>
  execFileSync('/usr/bin/python3', [
    '-c',
    "from importlib.metadata import entry_points\nfor e in entry_points(group='openstack.placement.v1'): print(e.name.replace('_', ' '))",
  ])
    .toString()
    .trim()
    .split('\n')

suite('the openstack client’s Placement commands', () => {
  const stateDir = temporaryStateDir()
  const seen = new Set<string>()
  let cloud: CloudProcess
  let client: Client

  before(async () => {
    cloud = await startCloudProcess(stateDir, ['--driver', 'simulated'])
    client = new Client(stateDir)
  })
  after(async () => {
    await client.stop()
    await cloud.stop()
    rmSync(stateDir, { recursive: true })
  })

  /** Runs `resource provider show UUID --allocations`; the words that are not its command come after it. */
  const run = async (version: string, command: string, ...args: string[]): Promise<Said> => {
    seen.add(command)
    return client.say(version, [...command.split(' '), ...args])
  }
  const ok = async (version: string, command: string, ...args: string[]): Promise<string> => {
    const { code, out, err } = await run(version, command, ...args)
    assert.equal(code, 0, `${command} ${args.join(' ')} at ${version}: ${out} ${err}`)
    return out
  }
  /** What it shows. */
  // biome-ignore lint: answers of every shape are looked into
  const json = async (
    version: string,
    command: string,
    ...args: string[]
  ): Promise<ReturnType<typeof JSON.parse>> => JSON.parse(await ok(version, command, ...args, '-f', 'json'))

  const [host, child, consumer, zone] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]

  test('providers: made, shown, listed, moved, renamed', async () => {
    const made = await json('1.39', 'resource provider create', 'rack-1', '--uuid', host)
    assert.deepEqual(
      [made.uuid, made.name, made.generation, made.root_provider_uuid],
      [host, 'rack-1', 0, host],
    )
    const old = await json('1.0', 'resource provider create', 'old')
    assert.deepEqual(Object.keys(old).sort(), ['generation', 'name', 'uuid'])
    const below = await json(
      '1.14',
      'resource provider create',
      'device',
      '--uuid',
      child,
      '--parent-provider',
      host,
    )
    assert.equal(below.root_provider_uuid, host)
    assert.equal(
      (await json('1.39', 'resource provider set', old.uuid, '--name', 'older', '--parent-provider', host))
        .name,
      'older',
    )
    assert.equal((await json('1.1', 'resource provider set', old.uuid, '--name', 'oldest')).name, 'oldest')
    const tree = await json('1.14', 'resource provider list', '--in-tree', host)
    assert.deepEqual(tree.map(({ name }: { name: string }) => name).sort(), ['device', 'oldest', 'rack-1'])
    assert.equal((await json('1.1', 'resource provider list', '--name', 'rack-1'))[0].uuid, host)
    assert.equal((await json('1.1', 'resource provider show', host)).name, 'rack-1')
    await ok('1.1', 'resource provider delete', old.uuid)
    const gone = await run('1.39', 'resource provider show', old.uuid)
    assert.deepEqual([gone.code, /No resource provider with uuid .* found/.test(gone.err)], [1, true])
  })

  test('resource classes, in both ways', async () => {
    await ok('1.2', 'resource class create', 'CUSTOM_FPGA')
    await ok('1.7', 'resource class set', 'CUSTOM_GPU')
    assert.equal((await json('1.2', 'resource class show', 'CUSTOM_FPGA')).name, 'CUSTOM_FPGA')
    const names = (await json('1.2', 'resource class list')).map(({ name }: { name: string }) => name)
    assert.ok(names.includes('CUSTOM_GPU') && names.includes('VCPU'))
    await ok('1.2', 'resource class delete', 'CUSTOM_FPGA')
    assert.match(
      (await run('1.2', 'resource class delete', 'VCPU')).err,
      /Cannot delete standard resource class/,
    )
  })

  test('inventories: whole, class by class, of an aggregate', async () => {
    await ok(
      '1.1',
      'resource provider inventory set',
      host,
      '--resource',
      'VCPU=16',
      '--resource',
      'DISK_GB=50',
      '--resource',
      'MEMORY_MB=4096',
      '--resource',
      'VCPU:allocation_ratio=4',
    )
    await ok(
      '1.1',
      'resource provider inventory class set',
      host,
      'DISK_GB',
      '--total',
      '100',
      '--reserved',
      '10',
    )
    const shown = await json('1.1', 'resource provider inventory show', host, 'DISK_GB')
    assert.deepEqual([shown.total, shown.reserved, shown.max_unit], [100, 10, 2_147_483_647])
    await ok('1.3', 'resource provider inventory set', host, '--resource', 'CUSTOM_GPU=2', '--amend')
    const listed = await json('1.38', 'resource provider inventory list', host)
    assert.deepEqual(
      listed.map((each: { resource_class: string; used: number }) => [each.resource_class, each.used]).sort(),
      [
        ['CUSTOM_GPU', 0],
        ['DISK_GB', 0],
        ['MEMORY_MB', 0],
        ['VCPU', 0],
      ],
    )
    await ok('1.1', 'resource provider inventory delete', host, '--resource-class', 'CUSTOM_GPU')
    await ok('1.1', 'resource provider inventory set', child, '--resource', 'SRIOV_NET_VF=8')
    await ok('1.5', 'resource provider inventory delete', child)
    assert.deepEqual(await json('1.1', 'resource provider inventory list', child), [])
  })

  test('traits and aggregates', async () => {
    await ok('1.6', 'trait create', 'CUSTOM_FAST')
    await ok('1.6', 'trait show', 'CUSTOM_FAST')
    assert.deepEqual(await json('1.6', 'trait list', '--name', 'in:CUSTOM_FAST,HW_CPU_X86_VMX'), [
      { name: 'CUSTOM_FAST' },
      { name: 'HW_CPU_X86_VMX' },
    ])
    assert.deepEqual(
      await json(
        '1.6',
        'resource provider trait set',
        host,
        '--trait',
        'CUSTOM_FAST',
        '--trait',
        'HW_CPU_X86_VMX',
      ),
      [{ name: 'CUSTOM_FAST' }, { name: 'HW_CPU_X86_VMX' }],
    )
    assert.equal((await json('1.6', 'resource provider trait list', host)).length, 2)
    await ok('1.6', 'resource provider trait set', child, '--trait', 'CUSTOM_FAST')
    await ok('1.6', 'resource provider trait delete', child)
    assert.match((await run('1.6', 'trait delete', 'CUSTOM_FAST')).err, /in use/)
    await ok('1.6', 'trait create', 'CUSTOM_SLOW')
    await ok('1.6', 'trait delete', 'CUSTOM_SLOW')
    assert.deepEqual(await json('1.1', 'resource provider aggregate set', host, '--aggregate', zone), [
      { uuid: zone },
    ])
    const { generation } = await json('1.39', 'resource provider show', host)
    assert.deepEqual(
      await json(
        '1.19',
        'resource provider aggregate set',
        host,
        '--aggregate',
        zone,
        '--generation',
        String(generation),
      ),
      [{ uuid: zone }],
    )
    assert.deepEqual(await json('1.19', 'resource provider aggregate list', host), [{ uuid: zone }])
    const found = await json(
      '1.39',
      'resource provider list',
      '--member-of',
      zone,
      '--required',
      'CUSTOM_FAST',
      '--resource',
      'VCPU=8',
    )
    assert.equal(found.length, 1)
    assert.deepEqual(
      await json('1.22', 'resource provider list', '--member-of', zone, '--forbidden', 'CUSTOM_FAST'),
      [],
    )
    await ok(
      '1.3',
      'resource provider inventory set',
      zone,
      '--aggregate',
      '--amend',
      '--resource',
      'VCPU:reserved=1',
    )
  })

  test('candidates, at the versions at which they look different', async () => {
    for (const version of ['1.10', '1.12', '1.17', '1.29', '1.39'])
      assert.ok(
        (await json(version, 'allocation candidate list', '--resource', 'VCPU=1')).length >= 2,
        version,
      )
    const one = await json(
      '1.39',
      'allocation candidate list',
      '--resource',
      'VCPU=1',
      '--required',
      'CUSTOM_FAST',
      '--limit',
      '1',
    )
    assert.equal(one[0]['resource provider'], host)
    assert.deepEqual(
      await json(
        '1.22',
        'allocation candidate list',
        '--resource',
        'VCPU=1',
        '--required',
        'CUSTOM_FAST',
        '--forbidden',
        'HW_CPU_X86_VMX',
      ),
      [],
    )
    assert.equal(
      (await json('1.21', 'allocation candidate list', '--resource', 'VCPU=1', '--member-of', zone)).length,
      1,
    )
    const grouped = await json(
      '1.39',
      'allocation candidate list',
      '--group',
      '1',
      '--resource',
      'VCPU=1',
      '--required',
      'CUSTOM_FAST',
      '--group',
      '2',
      '--resource',
      'MEMORY_MB=64',
      '--member-of',
      zone,
      '--group-policy',
      'none',
    )
    assert.equal(grouped[0]['resource provider'], host)
  })

  test('allocations: set, shown, taken back in part and whole', async () => {
    // The plugin asks for all of them before it knows the version; the API gets what its version has.
    const owner = ['--project-id', randomUUID(), '--user-id', randomUUID(), '--consumer-type', 'INSTANCE']
    const vcpus = (count: number) => ['--allocation', `rp=${host},VCPU=${count}`]
    for (const version of ['1.1', '1.8', '1.12', '1.28']) {
      const who = randomUUID()
      const set = await json(version, 'resource provider allocation set', who, ...vcpus(2), ...owner)
      assert.deepEqual([set[0].resource_provider, set[0].resources], [host, { VCPU: 2 }], version)
      await ok(version, 'resource provider allocation delete', who)
      assert.deepEqual(await json(version, 'resource provider allocation show', who), [])
    }
    await ok(
      '1.38',
      'resource provider allocation set',
      consumer,
      ...vcpus(2),
      '--allocation',
      `rp=${host},MEMORY_MB=64`,
      ...owner,
    )
    const shown = await json('1.38', 'resource provider allocation show', consumer)
    assert.deepEqual([shown[0].resources, shown[0].consumer_type], [{ MEMORY_MB: 64, VCPU: 2 }, 'INSTANCE'])
    const left = await json(
      '1.38',
      'resource provider allocation unset',
      consumer,
      '--resource-class',
      'MEMORY_MB',
    )
    assert.deepEqual(left[0].resources, { VCPU: 2 })
    const full = await json('1.38', 'resource provider show', host, '--allocations')
    assert.equal(full.allocations[consumer].resources.VCPU, 2)
    assert.deepEqual(await json('1.1', 'resource provider usage show', host), [
      { resource_class: 'DISK_GB', usage: 0 },
      { resource_class: 'MEMORY_MB', usage: 0 },
      { resource_class: 'VCPU', usage: 2 },
    ])
    assert.deepEqual(await json('1.9', 'resource usage show', owner[1] ?? '', '--user-id', owner[3] ?? ''), [
      { resource_class: 'VCPU', usage: 2 },
    ])
    const crowded = await run(
      '1.38',
      'resource provider allocation set',
      randomUUID(),
      ...vcpus(1_000),
      ...owner,
    )
    assert.deepEqual([crowded.code, /exceed the capacity/.test(crowded.err)], [1, true])
    await ok('1.38', 'resource provider allocation unset', consumer, '--provider', host)
  })

  test('each command of the plugin has been run', () => {
    assert.deepEqual([...seen].sort(), commandsOfPlugin().sort())
  })
})
