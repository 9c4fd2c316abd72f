/** Quotas hold when many ask at once, on both databases: what was counted is still so when it is acted upon. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IMAGE_ID, startApi, testConfig } from '../functional/api/compute-api.ts'
import { openStores } from './db.ts'

const stores = await openStores()
const AT_ONCE = 12
const LIMIT = 5

for (const store of stores.filter(({ isShared }) => isShared))
  void test(`${store.name}: nobody gets more than its quota, however many ask at once`, async (t) => {
    const quota = { ...testConfig.quota, instances: LIMIT, keyPairs: LIMIT, serverGroups: LIMIT }
    const api = await startApi(t, { quota }, { databaseUrl: store.url })
    const flavor = { name: 'm1.nano', id: '42', ram: 128, vcpus: 1, disk: 1 }
    await api.send('POST /flavors', { as: 'admin', body: { flavor } })
    const asked: [string, number, (index: number) => unknown][] = [
      [
        '/servers',
        202,
        () => ({ server: { name: 's', imageRef: IMAGE_ID, flavorRef: '42', networks: 'none' } }),
      ],
      ['/os-keypairs', 201, (index) => ({ keypair: { name: `k${index}` } })],
      ['/os-server-groups', 200, (index) => ({ server_group: { name: `g${index}`, policy: 'affinity' } })],
    ]
    for (const [path, made, body] of asked) {
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, index) =>
          api.send(`POST ${path}`, { at: '2.64', body: body(index) }),
        ),
      )
      const statuses = answers.map(({ status }) => status).sort((a, b) => a - b)
      assert.deepEqual(
        statuses,
        [...Array<number>(LIMIT).fill(made), ...Array<number>(AT_ONCE - LIMIT).fill(403)],
        `${path}: ${answers.map(({ text }) => text).join('\n')}`,
      )
    }
  })
