/** An API with a flavor, and servers as the conductor leaves them. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { ApiConfig } from '#api/index.ts'
import { type InstanceChanges, updateInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import type { Vif } from '#model/network/index.ts'
import { IMAGE_ID, NETWORK_ID, type OwnServices, startApi, type TestApi } from './compute-api.ts'

/** The message of a fault's body. */
export const message = (body: Record<string, unknown>) =>
  (Object.values(body)[0] as { message: string }).message

/** An API with the flavor 42, and `make` to create a server in it. */
export async function startCloud(
  t: Pick<TestContext, 'after'>,
  { config = {}, ...own }: OwnServices & { readonly config?: Partial<ApiConfig> } = {},
): Promise<TestApi & { make(server?: object, at?: string): Promise<string> }> {
  const api = await startApi(t, config, own)
  const flavor = { name: 'm1.nano', id: '42', ram: 128, vcpus: 1, disk: 1 }
  await api.send('POST /flavors', { as: 'admin', body: { flavor } })
  const make = async (server: object = {}, at = '2.104') => {
    const body = { server: { name: 's', imageRef: IMAGE_ID, flavorRef: '42', networks: 'none', ...server } }
    const answer = await api.send('POST /servers', { at, body })
    assert.equal(answer.status, 202, answer.text)
    return (answer.body.server as { id: string }).id
  }
  return { ...api, make }
}

/** An interface on the private network. */
const vif = (address: string): Vif => ({
  id: 'ffffffff-0000-4000-8000-000000000001',
  macAddress: 'fa:16:3e:00:00:01',
  network: { id: NETWORK_ID, label: 'private', mtu: 1450 },
  fixedIps: [
    {
      address,
      version: 4,
      subnetId: 'dddddddd-0000-4000-8000-000000000001',
      cidr: '10.0.0.0/24',
      gateway: '10.0.0.1',
      dns: [],
      routes: [],
      dhcpServer: null,
      floatingIps: ['192.0.2.7'],
    },
  ],
  type: 'bridge',
  vnicType: 'normal',
  devname: 'tapffffffff-00',
  details: {},
  active: true,
  preexisting: false,
  tag: null,
})

/** As the conductor leaves a server that was built. */
export async function activate(api: TestApi, uuid: string): Promise<void> {
  const changes = {
    vmState: 'active',
    taskState: null,
    powerState: 1,
    host: 'h1',
    node: 'h1',
    availabilityZone: 'nova',
    launchedAt: 1_700_000_000_000,
    networkInfo: [vif('10.0.0.5')],
  } as const
  await updateInstance(api.db.typed<NovaDb>(), uuid, changes, { now: 1_700_000_000_000 })
}

export type Cloud = Awaited<ReturnType<typeof startCloud>>

/** The rows behind the cloud. */
export const db = (cloud: Cloud) => cloud.db.typed<NovaDb>()
/** Changes the row of a server, as what is not there would have. */
export const change = (cloud: Cloud, uuid: string, changes: InstanceChanges) =>
  updateInstance(db(cloud), uuid, changes, { now: 1_700_000_000_000 })

/** A server that is ACTIVE or, with `changes`, whatever else, and of which no operation is under way. */
export async function there(cloud: Cloud, changes: InstanceChanges = {}): Promise<string> {
  const uuid = await cloud.make()
  await db(cloud).deleteFrom('operations').where('instance_uuid', '=', uuid).execute()
  await activate(cloud, uuid)
  await change(cloud, uuid, changes)
  return uuid
}
