/**
 * Sixteen clients of two Placements (on SQLite: two doors of one) claim, move and release on three small hosts:
 * capacity is never exceeded, nothing is lost, generations count every write.
 * `KILONOVA_CLAIM_SECONDS=60` does it for so long.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, suite, test } from 'node:test'
import { setImmediate as breathe } from 'node:timers/promises'
import { sql } from 'kysely'
import { openDatabase } from '#db/kit/index.ts'
import { PLACEMENT_MIGRATIONS } from '#placement/index.ts'
import { type Ask, claimBody, makeProvider, startPlacement } from '../placement-fixture.ts'
import { openStores } from './db.ts'

const SECONDS = Number(process.env['KILONOVA_CLAIM_SECONDS'] ?? 3)
const CLIENTS = 16
/** However slow the machine is, so much is done. */
const ENOUGH = 150
const CAPACITY = { VCPU: 20, MEMORY_MB: 1_000 } as const

const stores = (await openStores({ placement: PLACEMENT_MIGRATIONS })).filter(({ isShared }) => isShared)

type Resources = Readonly<Record<keyof typeof CAPACITY, number>>

/** What the clients know to have, which is never more than there is in truth, and what they have done. */
class Ledger {
  readonly #taken = new Map<string, number>()
  readonly #writes = new Map<string, number>()
  readonly holding = new Map<string, { readonly host: string; readonly resources: Resources }>()
  refused = 0
  writes = 0

  take(consumer: string, host: string, resources: Resources): void {
    this.holding.set(consumer, { host, resources })
    for (const [name, capacity] of Object.entries(CAPACITY)) {
      const sum = this.#add(`${host} ${name}`, resources[name as keyof Resources])
      assert.ok(sum <= capacity, `${sum} ${name} taken of ${capacity}`)
    }
  }

  /** Before it is asked for: others may have it as soon as it is given. */
  give(consumer: string): void {
    const held = this.holding.get(consumer)
    this.holding.delete(consumer)
    for (const [name, amount] of Object.entries(held?.resources ?? {}))
      this.#add(`${held?.host} ${name}`, -amount)
  }

  wrote(host: string): void {
    this.writes++
    this.#writes.set(host, this.writesOf(host) + 1)
  }

  writesOf(host: string): number {
    return this.#writes.get(host) ?? 0
  }

  #add(key: string, amount: number): number {
    const sum = (this.#taken.get(key) ?? 0) + amount
    this.#taken.set(key, sum)
    return sum
  }
}

const below = (limit: number): number => Math.floor(Math.random() * limit)

/** Takes something from a host that is proposed, if any. */
async function claim(ask: Ask, ledger: Ledger, zone: string): Promise<string | undefined> {
  const resources = { VCPU: 1 + below(4), MEMORY_MB: 50 * (1 + below(4)) }
  const asked = `resources=VCPU:${resources.VCPU},MEMORY_MB:${resources.MEMORY_MB}&member_of=${zone}&limit=3`
  const proposed = (await ask('GET', `/allocation_candidates?${asked}`)).body.allocation_requests
  const way = proposed[below(proposed.length)]
  if (!way) return undefined
  const [host = ''] = Object.keys(way.allocations)
  const consumer = randomUUID()
  const { status } = await ask('PUT', `/allocations/${consumer}`, claimBody(host, resources))
  if (status === 204) {
    ledger.wrote(host)
    ledger.take(consumer, host, resources)
    return consumer
  }
  assert.equal(status, 409)
  ledger.refused++
  return undefined
}

/** Gives everything back, in one of the two ways. */
async function release(ask: Ask, ledger: Ledger, consumer: string): Promise<void> {
  const host = ledger.holding.get(consumer)?.host ?? ''
  ledger.give(consumer)
  if (below(2) === 0) return assert.equal((await ask('DELETE', `/allocations/${consumer}`)).status, 204)
  const nothing = claimBody(host, {}, { allocations: {}, consumer_generation: 1 })
  assert.equal((await ask('PUT', `/allocations/${consumer}`, nothing)).status, 204)
  ledger.wrote(host)
}

/** One consumer takes over what another holds, at once: as a migration does. */
async function handOver(ask: Ask, ledger: Ledger, from: string): Promise<string> {
  const held = ledger.holding.get(from)
  assert.ok(held)
  const to = randomUUID()
  const { host, resources } = held
  const { status } = await ask('POST', '/allocations', {
    [from]: claimBody(host, {}, { allocations: {}, consumer_generation: 1 }),
    [to]: claimBody(host, resources),
  })
  assert.equal(status, 204)
  ledger.wrote(host)
  ledger.give(from)
  ledger.take(to, host, resources)
  return to
}

async function client(ask: Ask, ledger: Ledger, zone: string, end: number): Promise<void> {
  const mine: string[] = []
  while (performance.now() < end || ledger.writes < ENOUGH) {
    await breathe()
    const oldest = mine.length > below(4) ? mine.shift() : undefined
    if (oldest === undefined) {
      const consumer = await claim(ask, ledger, zone)
      if (consumer !== undefined) mine.push(consumer)
    } else if (below(4) === 0) mine.push(await handOver(ask, ledger, oldest))
    else await release(ask, ledger, oldest)
  }
}

for (const store of stores) {
  suite(`claims of ${CLIENTS} clients on ${store.name}`, async () => {
    // SQLite is for one process.
    const other = store.name === 'PostgreSQL' ? openDatabase(store.url) : store.database
    const doors = [await startPlacement(store.database), await startPlacement(other)] as const
    after(async () => {
      for (const door of doors) await door.close()
      if (other !== store.database) await other.close()
    })

    test('what is written at one is proposed, shown and refused at the other at once', async () => {
      const [one, other] = [doors[0].ask, doors[1].ask]
      const zone = randomUUID()
      const proposed = async (ask: Ask, more = ''): Promise<string[]> => {
        const asked = `resources=VCPU:20&member_of=${zone}${more}`
        const { allocation_requests: ways } = (await ask('GET', `/allocation_candidates?${asked}`)).body
        return ways.flatMap((way: { allocations: object }) => Object.keys(way.allocations)).sort()
      }
      assert.deepEqual(await proposed(other), [])
      const hosts = [
        await makeProvider(one, CAPACITY, { aggregates: [zone] }),
        await makeProvider(other, CAPACITY, { aggregates: [zone] }),
      ]
      for (const ask of [one, other]) assert.deepEqual(await proposed(ask), hosts.toSorted())
      const [host = '', rest = ''] = hosts
      const consumer = randomUUID()
      await one('PUT', `/allocations/${consumer}`, claimBody(host, { VCPU: 20 }))
      assert.deepEqual(await proposed(other), [rest])
      assert.equal(
        (await other('PUT', `/allocations/${randomUUID()}`, claimBody(host, { VCPU: 1 }))).status,
        409,
      )
      await other('DELETE', `/allocations/${consumer}`)
      assert.deepEqual(await proposed(one), hosts.toSorted())
      const { generation } = (await one('GET', `/resource_providers/${host}`)).body
      const traits = { traits: ['CUSTOM_SEEN'], resource_provider_generation: generation }
      await other('PUT', '/traits/CUSTOM_SEEN')
      assert.equal((await one('PUT', `/resource_providers/${host}/traits`, traits)).status, 200)
      assert.equal((await other('PUT', `/resource_providers/${host}/traits`, traits)).status, 409)
      assert.deepEqual(await proposed(other, '&required=CUSTOM_SEEN'), [host])
      assert.equal((await other('DELETE', `/resource_providers/${rest}`)).status, 204)
      assert.deepEqual(await proposed(one), [host])
    })

    test(`for ${SECONDS} s nothing is exceeded and nothing lost`, async (context) => {
      const { ask } = doors[0]
      const zone = randomUUID()
      const hosts: string[] = []
      for (let made = 0; made < 3; made++)
        hosts.push(await makeProvider(ask, CAPACITY, { aggregates: [zone] }))
      const generationOf = async (host: string): Promise<number> =>
        (await ask('GET', `/resource_providers/${host}`)).body.generation
      const first = await Promise.all(hosts.map(generationOf))
      const ledger = new Ledger()
      const end = performance.now() + SECONDS * 1_000
      const watch = async (): Promise<void> => {
        let seen = first
        while (performance.now() < end) {
          // On SQLite a look is done without waiting for anything: it must leave the others their turn.
          await breathe()
          const now = await Promise.all(hosts.map(generationOf))
          assert.ok(now.every((generation, at) => generation >= (seen[at] ?? 0)))
          seen = now
          for (const host of hosts) {
            const { usages } = (await ask('GET', `/resource_providers/${host}/usages`)).body
            assert.ok(usages.VCPU <= CAPACITY.VCPU && usages.MEMORY_MB <= CAPACITY.MEMORY_MB)
          }
        }
      }
      const clients = Array.from({ length: CLIENTS }, (_, at) =>
        client(doors[at % 2 === 0 ? 0 : 1].ask, ledger, zone, end),
      )
      await Promise.all([...clients, watch()])

      const writes = hosts.map((host) => ledger.writesOf(host))
      context.diagnostic(`${ledger.writes} writes, ${ledger.refused} refused`)
      assert.ok(ledger.refused > 0 && writes.every((each) => each > 5), 'they were not in one another’s way')
      const last = await Promise.all(hosts.map(generationOf))
      assert.deepEqual(
        last.map((generation, at) => generation - (first[at] ?? 0)),
        writes,
      )
      const held = new Map<string, unknown>()
      for (const host of hosts) {
        const { allocations } = (await ask('GET', `/resource_providers/${host}/allocations`)).body
        for (const [consumer, { resources }] of Object.entries<{ resources: object }>(allocations))
          held.set(consumer, { host, resources })
      }
      assert.deepEqual(held, new Map(ledger.holding))
      const { rows } = await sql`
        select i.provider_id from placement_inventories i
        left join placement_allocations a on a.provider_id = i.provider_id and a.resource_class = i.resource_class
        group by i.provider_id, i.resource_class, i.used having i.used <> coalesce(sum(a.used), 0)`.execute(
        store.database.typed(),
      )
      assert.deepEqual(rows, [])
    })
  })
}
