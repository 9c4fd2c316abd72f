/**
 * The real nova-scheduler, nova-compute, nova-conductor and nova-api with our Placement in the place of
 * theirs: same port, same Keystone, same users. Servers are booted, hold what they should, and go.
 */
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '../eventually.ts'
import { tokenOf } from './keystone-token.ts'
import { ask, bootServers, computeApi, deleteServers, holdings, placementApi, providersOf } from './nova.ts'
import type { Oracle } from './oracle.ts'
import { startOurPlacement } from './placements.ts'

const run = promisify(execFile)
const SERVERS = 3

interface Options {
  readonly dir: string
  readonly databaseUrl: string
}

/** Throws when anything is not as it should be. */
export async function novaOnOurPlacement(oracle: Oracle, { dir, databaseUrl }: Options): Promise<void> {
  const { authUrl, password, variables } = oracle
  const port = Number(variables['P_PLACEMENT'])
  const pidFile = join(variables['RUN'] ?? '', 'placement.pid')
  // Nova too: what it remembers of its providers is of the other Placement.
  await oracle.down('nova')
  const placement = await startOurPlacement({
    dir,
    databaseUrl,
    port,
    login: { authUrl, username: 'placement', password },
  })
  // By this the oracle's `up` sees that a Placement is running, and leaves it alone.
  writeFileSync(pidFile, `${placement.pid}\n`)
  try {
    console.log(`our placement-api answers at ${placement.url}, in the place of the real one`)
    await oracle.up()
    await bootAndDelete(oracle, placement.url)
  } finally {
    rmSync(pidFile, { force: true })
    await placement.stop()
    await oracle.down('nova')
    console.log('the real Nova is stopped; `up` starts it again, with its own Placement')
  }
}

async function bootAndDelete(oracle: Oracle, placementUrl: string): Promise<void> {
  const { authUrl, password, variables } = oracle
  const admin = await tokenOf({ authUrl, name: 'admin', password, project: 'admin' })
  const demo = await tokenOf({ authUrl, name: 'demo', password, project: 'demo' })
  const placement = placementApi(placementUrl, admin)
  const compute = computeApi(`http://${variables['IP']}:${variables['P_NOVA']}/v2.1`, demo)
  const provided = await eventually(
    async () => {
      const lines = await providersOf(placement)
      return lines.some((line) => line.includes('VCPU')) ? lines : undefined
    },
    { withinMs: 120_000, everyMs: 1_000, what: 'the compute in our Placement' },
  )
  console.log(`the real nova-compute registered: ${provided.join(' | ')}`)
  const { images } = await ask(
    { ...compute, url: `http://${variables['IP']}:${variables['P_GLANCE']}/v2` },
    'GET',
    '/images',
  )
  const { flavors } = await ask(compute, 'GET', '/flavors')
  const flavorId = flavors.find((flavor: { name: string }) => flavor.name === 'm1.tiny')?.id ?? flavors[0].id
  const neutron = { ...compute, url: `http://${variables['IP']}:${variables['P_NEUTRON']}/v2.0` }
  const { network } = await ask(neutron, 'POST', '/networks', { network: { name: 'interop' } })
  await ask(neutron, 'POST', '/subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.96.0.0/24' },
  })
  const ids = await bootServers(compute, SERVERS, {
    imageId: images[0].id,
    flavorId,
    networks: [{ uuid: network.id }],
  })
  for (const id of ids) {
    const held = await holdings(placement, id)
    if (!held.includes('VCPU:')) throw new Error(`server ${id} holds nothing in our Placement`)
    console.log(`server ${id} ACTIVE, holds ${held}`)
  }
  console.log(`then ${(await providersOf(placement)).join(' | ')}`)
  const audit = await run('nova-manage', [
    '--config-file',
    `${variables['ETC']}/nova/nova.conf`,
    'placement',
    'audit',
    '--verbose',
  ])
  console.log(`nova-manage placement audit: ${audit.stdout.trim().split('\n').at(-1)}`)
  await deleteServers(compute, ids)
  for (const id of ids) {
    await eventually(async () => (await holdings(placement, id)) === '', {
      withinMs: 60_000,
      everyMs: 500,
      what: `nothing held by ${id}`,
    })
  }
  await ask(neutron, 'DELETE', `/networks/${network.id}`)
  console.log(`${ids.length} servers deleted, nothing is held: ${(await providersOf(placement)).join(' | ')}`)
}
