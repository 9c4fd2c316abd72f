/** nova-manage on a cloud that runs: rows archived and purged, allocations healed and audited, with Nova's exit codes. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { novaManage } from '../../src/cli/commands/nova-manage.ts'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { startCloud, type WholeCloud } from './whole-cloud.ts'

function managerOf({ cloud, stateDir }: WholeCloud) {
  const conf = join(stateDir, 'nova.conf')
  const state = JSON.parse(readFileSync(join(stateDir, 'state.json'), 'utf8')) as {
    passwords: Record<string, string>
  }
  writeFileSync(
    conf,
    `[database]
connection = sqlite://${stateDir}/kilonova.sqlite
[keystone_authtoken]
auth_url = ${cloud.url}/identity/v3
username = nova
password = ${state.passwords['nova']}
project_name = service
`,
  )
  return async (...args: readonly string[]): Promise<{ code: number; output: string }> => {
    let output = ''
    const hear = (line: string): void => void (output += `${line}\n`)
    const code = await novaManage(['--config-file', conf, ...args], { say: hear, complain: hear })
    return { code, output }
  }
}

type Held = Record<string, { readonly resources: Record<string, number> }>

async function createServer(demo: CloudClient): Promise<string> {
  const [{ images }, { flavors }] = await Promise.all([
    demo.ok('image', 'GET', '/images?name=tiny'),
    demo.ok('compute', 'GET', '/flavors'),
  ])
  const nano = (flavors as { id: string; name: string }[]).find(({ name }) => name === 'm1.nano')
  const { server } = await demo.ok('compute', 'POST', '/servers', {
    server: { name: 's', imageRef: images[0].id, flavorRef: nano?.id, networks: 'none' },
  })
  await eventually(
    async () => (await demo.ok('compute', 'GET', `/servers/${server.id}`)).server.status === 'ACTIVE',
    { withinMs: 20_000, what: 'the server' },
  )
  return String(server.id)
}

test('a cloud counts what it does; allocations are healed and audited, deleted servers archived and purged', async (t) => {
  const whole = await startCloud(t)
  const manage = managerOf(whole)
  const [demo, admin] = [await whole.as('demo'), await whole.as('admin')]
  const server = await createServer(demo)
  const held = async (uuid: string) =>
    (await admin.ok('placement', 'GET', `/allocations/${uuid}`)).allocations as Held
  const before = await held(server)
  const counted = await (await fetch(`${whole.cloud.url}/metrics`)).text()
  for (const line of [
    'kilonova_operations_total{saga="build-server",ending="done"} 1',
    'kilonova_commands_total{kind="build",outcome="done"} 1',
    'kilonova_scheduler_selections_total{result="found"} 1',
    'kilonova_http_requests_total{service="nova-api",method="POST",route="/servers",status="202"} 1',
    'kilonova_placement_engine{what="providers"} 1',
  ])
    assert.ok(counted.split('\n').includes(line), `${line} in:\n${counted}`)
  const run = async (expected: number, ...args: readonly string[]): Promise<string> => {
    const { code, output } = await manage(...args)
    assert.equal(code, expected, output)
    return output
  }

  assert.match(await run(4, 'placement', 'heal_allocations', '--verbose'), /up-to-date. Nothing to be healed/)
  await admin.ok('placement', 'DELETE', `/allocations/${server}`)
  const dry = await run(4, 'placement', 'heal_allocations', '--dry-run', '--verbose')
  assert.match(dry, new RegExp(`\\[dry-run\\] Create allocations for instance ${server}: `))
  assert.deepEqual(await held(server), {})
  assert.match(
    await run(0, 'placement', 'heal_allocations', '--verbose'),
    new RegExp(`Successfully created allocations for instance ${server}.\nProcessed 1 instances.`),
  )
  const healed = await held(server)
  const amounts = (of: Held) => Object.entries(of).map(([provider, { resources }]) => [provider, resources])
  assert.deepEqual(amounts(healed), amounts(before))
  await run(127, 'placement', 'heal_allocations', '--max-count', '0')
  await run(127, 'placement', 'heal_allocations', '--force')
  await run(0, 'placement', 'heal_allocations', '--force', '--instance', server)

  await run(0, 'placement', 'audit')
  const stray = randomUUID()
  const {
    resource_providers: [provider],
  } = await admin.ok('placement', 'GET', '/resource_providers')
  await admin.ok('placement', 'PUT', `/allocations/${stray}`, {
    allocations: { [provider.uuid]: { resources: { VCPU: 1 } } },
    project_id: 'p',
    user_id: 'u',
    consumer_generation: null,
    consumer_type: 'INSTANCE',
  })
  assert.match(await run(3, 'placement', 'audit', '--verbose'), new RegExp(`${stray} on Resource Provider`))
  assert.notDeepEqual(await held(stray), {})
  await run(127, 'placement', 'audit', '--resource_provider', randomUUID())
  await run(4, 'placement', 'audit', '--delete')
  assert.deepEqual([await held(stray), amounts(await held(server))], [{}, amounts(before)])

  await run(0, 'db', 'archive_deleted_rows')
  await demo.ok('compute', 'DELETE', `/servers/${server}`)
  const listed = async () =>
    ((await admin.ok('compute', 'GET', '/servers?deleted=true&all_tenants=1')).servers as object[]).length
  await eventually(async () => (await listed()) === 1, { what: 'the deleted server in the list' })
  await run(2, 'db', 'archive_deleted_rows', '--max_rows', '-1')
  await run(4, 'db', 'archive_deleted_rows', '--before', 'whenever')
  await run(0, 'db', 'archive_deleted_rows', '--before', '2001-01-01')
  const archived = async () =>
    (await manage('db', 'archive_deleted_rows', '--until-complete', '--verbose')).output
  await eventually(async () => /\| instances +\| 1 +\|/.test(await archived()), {
    withinMs: 20_000,
    what: 'the server archived once nothing works on it',
  })
  assert.equal(await listed(), 0)
  assert.match(await run(1, 'db', 'purge'), /Either --before or --all is required/)
  await run(2, 'db', 'purge', '--before', 'whenever')
  await run(3, 'db', 'purge', '--before', '2001-01-01')
  assert.match(await run(0, 'db', 'purge', '--all', '--verbose'), /DB: Deleted 1 rows from instances/)
  await run(3, 'db', 'purge', '--all')
  assert.match(await run(0, 'cell_v2', 'map_cell0'), /Cell0 is already setup/)
  assert.match(await run(0, 'cell_v2', 'discover_hosts', '--strict', '--verbose'), /^Host \S+ is known\.\n$/)
  assert.match(await run(0, 'cell_v2', 'list_cells'), /\| cell1 +\|[^]*sqlite:/)
  assert.match(await run(2, 'db', 'vacuum'), /there is no command 'db vacuum'/)
})
