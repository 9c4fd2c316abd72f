/** A volume and an interface come to a guest that runs and go again, as the guest itself sees it. */
import assert from 'node:assert/strict'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'

const SECTORS_A_GIB = 2 * 1024 * 1024
const within = (what: string) => ({ what, withinMs: 60_000, everyMs: 250 })

export interface Guest {
  readonly client: CloudClient
  readonly serverId: string
  /** Runs a command in the guest. */
  ssh(command: string): Promise<string>
}

const names = async ({ ssh }: Guest, folder: string): Promise<readonly string[]> =>
  (await ssh(`ls ${folder}`)).split(/\s+/).filter((name) => name !== '')

async function makeVolume({ client }: Guest): Promise<string> {
  const { volume } = (await client.ok('volumev3', 'POST', '/volumes', {
    volume: { size: 1, name: 'data' },
  })) as {
    volume: { id: string }
  }
  await volumeIs(client, volume.id, 'available')
  return volume.id
}

const volumeIs = (client: CloudClient, id: string, status: string): Promise<unknown> =>
  eventually(
    async () => {
      const { volume } = (await client.ok('volumev3', 'GET', `/volumes/${id}`)) as {
        volume: { status: string }
      }
      return volume.status === status
    },
    within(`volume ${status}`),
  )

/** The guest's name of the disk with the volume's serial number; a config drive may stand before it. */
async function diskOf({ ssh }: Guest, volumeId: string): Promise<string | undefined> {
  const serials = await ssh('grep -H "" /sys/block/vd*/serial || true')
  const line = serials.split('\n').find((each) => each.endsWith(`:${volumeId.slice(0, 20)}`))
  return /^\/sys\/block\/(\w+)\//.exec(line ?? '')?.[1]
}

/** What the tenant writes is his, a qcow2 header too: the disk stays as it is, and is there when it comes again. */
export async function volumeWalk(guest: Guest): Promise<void> {
  const { client, serverId, ssh } = guest
  const volumeId = await makeVolume(guest)
  const path = `/servers/${serverId}/os-volume_attachments`
  const attach = async () => {
    await client.ok('compute', 'POST', path, { volumeAttachment: { volumeId } })
    await volumeIs(client, volumeId, 'in-use')
    const disk = await eventually(() => diskOf(guest, volumeId), within('the disk'))
    assert.equal(Number(await ssh(`cat /sys/block/${disk}/size`)), SECTORS_A_GIB)
    return `/dev/${disk}`
  }
  const detach = async () => {
    await client.ok('compute', 'DELETE', `${path}/${volumeId}`)
    await volumeIs(client, volumeId, 'available')
    assert.equal(await diskOf(guest, volumeId), undefined)
  }
  await ssh(String.raw`printf 'QFI\373\0\0\0\2' | dd of=${await attach()} bs=8 2>/dev/null; sync`)
  await detach()
  const start = await ssh(`dd if=${await attach()} bs=8 count=1 2>/dev/null | od -c`)
  assert.match(start, /Q {3}F {3}I 373 {2}\\0 {2}\\0 {2}\\0 002/)
  await detach()
  await client.ok('volumev3', 'DELETE', `/volumes/${volumeId}`)
}

/** On a network of its own without a gateway, so that the guest is still reached by its first interface. */
export async function interfaceWalk(guest: Guest): Promise<void> {
  const { client, serverId, ssh } = guest
  const { network } = (await client.ok('network', 'POST', '/networks', { network: { name: 'side' } })) as {
    network: { id: string }
  }
  const subnet = { network_id: network.id, cidr: '10.77.0.0/24', ip_version: 4, gateway_ip: null }
  await client.ok('network', 'POST', '/subnets', { subnet })
  const path = `/servers/${serverId}/os-interface`
  const { interfaceAttachment: made } = (await client.ok('compute', 'POST', path, {
    interfaceAttachment: { net_id: network.id },
  })) as { interfaceAttachment: { port_id: string; mac_addr: string; fixed_ips: { ip_address: string }[] } }
  const address = made.fixed_ips[0]?.ip_address ?? 'none'
  // The guest asks for its address of itself, as soon as it sees the interface.
  await eventually(async () => (await ssh('ip -o -4 addr')).includes(` ${address}/24 `), within(address))
  assert.equal((await ssh('cat /sys/class/net/eth1/address')).trim(), made.mac_addr)
  await client.ok('compute', 'DELETE', `${path}/${made.port_id}`)
  await eventually(
    async () => !(await names(guest, '/sys/class/net')).includes('eth1'),
    within('the interface gone'),
  )
  const remains = async () => (await client.call('network', 'GET', `/ports/${made.port_id}`)).status === 200
  await eventually(async () => !(await remains()), within('the port gone'))
  await client.ok('network', 'DELETE', `/networks/${network.id}`)
}
