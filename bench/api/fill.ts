/** Fills a compute database with a project's servers, as if each had been built, and with flavors. */
import { insertBlockDevices, type NewBlockDevice } from '#db/block-devices.ts'
import { insertFlavor } from '#db/flavors.ts'
import { insertInstances, type NewInstance } from '#db/instances.ts'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { type Kysely, sql } from 'kysely'
import { randomUUID } from 'node:crypto'
import { newInstance, vifWith } from '../../test/contract/fixtures.ts'

const BATCH = 500
const FLAVORS = 12
const HOSTS = 200

export interface Owner {
  readonly projectId: string
  readonly userId: string
  readonly imageId: string
}

/** Makes the tables and the flavors `1` … `12`. */
export async function prepare(url: string): Promise<void> {
  const database = openDatabase(url)
  try {
    await database.migrate('nova', NOVA_MIGRATIONS)
    for (let index = 1; index <= FLAVORS; index++)
      await insertFlavor(
        database.typed<NovaDb>(),
        {
          flavorId: String(index),
          name: `m1.${index}`,
          vcpus: 1,
          memoryMb: 128,
          rootGb: 1,
          ephemeralGb: 0,
          swapMb: 0,
          rxtxFactor: 1,
          isPublic: true,
          disabled: false,
          description: null,
          extraSpecs: { 'hw:cpu_policy': 'shared' },
        },
        { now: Date.now() },
      )
  } finally {
    await database.close()
  }
}

/** Adds servers until there are so many; answers the uuid of one in the middle of the list. */
export async function growTo(url: string, size: number, owner: Owner): Promise<string> {
  const database = openDatabase(url)
  try {
    const db = database.typed<NovaDb>()
    let count = await countOf(db)
    const began = Date.UTC(2026, 0, 1)
    while (count < size) {
      const first = count
      const batch = Math.min(BATCH, size - count)
      await database.transaction<NovaDb, void>(async (trx) => {
        // A second apart, as they may have come.
        const news = Array.from({ length: batch }, (_, index) => serverOf(first + index, owner))
        await insertInstances(trx, news, { now: began + first * 1000 })
        await insertBlockDevices(trx, news.map(rootOf), { now: began })
      })
      count += batch
    }
    await settle(database)
    return await middleOf(db, size)
  } finally {
    await database.close()
  }
}

const countOf = async (db: Kysely<NovaDb>): Promise<number> =>
  (
    await db
      .selectFrom('instances')
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
  ).n

const middleOf = async (db: Kysely<NovaDb>, size: number): Promise<string> =>
  (
    await db
      .selectFrom('instances')
      .select('uuid')
      .orderBy('created_at')
      .orderBy('id')
      .offset(Math.floor(size / 2))
      .limit(1)
      .executeTakeFirstOrThrow()
  ).uuid

/** What a database that has been up for a day has done by itself. */
async function settle(database: Database): Promise<void> {
  const db = database.typed<NovaDb>()
  if (database.dialect === 'postgres') await sql`vacuum analyze`.execute(db)
  else await sql`pragma wal_checkpoint(truncate)`.execute(db)
}

function serverOf(index: number, { projectId, userId, imageId }: Owner): NewInstance {
  const host = `host-${index % HOSTS}`
  return newInstance({
    uuid: randomUUID(),
    projectId,
    userId,
    displayName: `server-${index}`,
    hostname: `server-${index}`,
    imageRef: imageId,
    vmState: 'active',
    powerState: 1,
    host,
    node: host,
    availabilityZone: 'nova',
    metadata: { role: 'web', index: String(index) },
    systemMetadata: { image_min_ram: '0', image_min_disk: '0', image_os_type: 'linux' },
    tags: ['bench'],
    securityGroups: ['default'],
    networkInfo: [vifWith(`10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`)],
    launchedAt: Date.UTC(2026, 0, 1) + index * 1000,
  })
}

const rootOf = ({ uuid, imageRef }: NewInstance): NewBlockDevice => ({
  uuid: randomUUID(),
  instanceUuid: uuid,
  sourceType: 'image',
  destinationType: 'local',
  imageId: imageRef,
  volumeId: null,
  snapshotId: null,
  deviceName: '/dev/vda',
  bootIndex: 0,
  volumeSizeGb: null,
  guestFormat: null,
  diskBus: null,
  deviceType: 'disk',
  deleteOnTermination: true,
  attachmentId: null,
  tag: null,
  volumeType: null,
})
