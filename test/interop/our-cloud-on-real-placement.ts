/**
 * Our whole cloud with Debian's Placement in the place of ours: `[placement] endpoint_override` leads our
 * scheduler and computes to it, and it validates their tokens with our Keystone.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CloudProcess, startCloudProcess } from '../end-to-end/cloud-process.ts'
import { eventually } from '../eventually.ts'
import { tokenOf } from './keystone-token.ts'
import { ask, bootServers, computeApi, deleteServers, holdings, placementApi, providersOf } from './nova.ts'
import type { Oracle } from './oracle.ts'
import { freePort, startRealPlacement } from './placements.ts'

const DATABASE = 'placement_of_kilonova'
const SERVERS = 3

/** Throws when anything is not as it should be. */
export async function ourCloudOnRealPlacement(
  oracle: Oracle,
  { dir }: { readonly dir: string },
): Promise<void> {
  const stateDir = join(dir, 'state')
  const cloudPort = await freePort()
  const novaConf = join(dir, 'nova.conf')
  const start = (): Promise<CloudProcess> =>
    startCloudProcess(stateDir, [
      '--port',
      String(cloudPort),
      '--driver',
      'simulated',
      '--hosts',
      '2',
      '--config-file',
      novaConf,
    ])
  // A first start makes the users whose passwords the real service needs.
  writeFileSync(novaConf, '')
  await (await start()).stop()
  const { passwords } = JSON.parse(readFileSync(join(stateDir, 'state.json'), 'utf8')) as {
    passwords: Record<string, string>
  }
  const authUrl = `http://127.0.0.1:${cloudPort}/identity/v3`
  const placement = await startRealPlacement(oracle, {
    dir,
    database: DATABASE,
    login: { authUrl, username: 'placement', password: passwords['placement'] ?? '' },
  })
  try {
    console.log(`the real Placement answers at ${placement.url}; it validates tokens at ${authUrl}`)
    writeFileSync(novaConf, `[placement]\nendpoint_override = ${placement.url}\n`)
    const cloud = await start()
    try {
      await bootAndDelete(cloud, { authUrl, passwords, placementUrl: placement.url })
    } finally {
      await cloud.stop()
    }
  } finally {
    await placement.stop()
  }
}

interface Where {
  readonly authUrl: string
  readonly passwords: Readonly<Record<string, string>>
  readonly placementUrl: string
}

async function bootAndDelete(
  cloud: CloudProcess,
  { authUrl, passwords, placementUrl }: Where,
): Promise<void> {
  const login = (name: string) => tokenOf({ authUrl, name, password: passwords[name] ?? '', project: name })
  const [admin, demo] = [await login('admin'), await login('demo')]
  const placement = placementApi(placementUrl, admin)
  const compute = computeApi(cloud.endpoints['compute'] ?? '', demo)
  const provided = await eventually(
    async () => {
      const lines = await providersOf(placement)
      return lines.filter((line) => line.includes('VCPU')).length === 2 ? lines : undefined
    },
    { withinMs: 120_000, everyMs: 500, what: 'both computes in the real Placement' },
  )
  console.log(`our computes registered: ${provided.join(' | ')}`)
  const { images } = await ask({ ...compute, url: `${cloud.endpoints['image']}/v2` }, 'GET', '/images')
  const ids = await bootServers(compute, SERVERS, { imageId: images[0].id, flavorId: '1', networks: 'none' })
  for (const id of ids) {
    const held = await holdings(placement, id)
    if (!held.includes('VCPU:')) throw new Error(`server ${id} holds nothing in the real Placement`)
    console.log(`server ${id} ACTIVE, holds ${held}`)
  }
  await deleteServers(compute, ids)
  for (const id of ids) {
    await eventually(async () => (await holdings(placement, id)) === '', {
      withinMs: 60_000,
      everyMs: 500,
      what: `nothing held by ${id}`,
    })
  }
  console.log(`${ids.length} servers deleted, nothing is held: ${(await providersOf(placement)).join(' | ')}`)
}
