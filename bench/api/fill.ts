/** Fills a compute database with a project's servers, as if each had been built, and with flavors. */
import { insertBlockDevices, type NewBlockDevice } from '#db/block-devices.ts'
import { insertFlavor } from '#db/flavors.ts'
import { insertInstances, type NewInstance } from '#db/instances.ts'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { NOVA_MIGRATIONS } from '#db/migrations/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { randomUUID } from 'node:crypto'
import { newInstance, vifWith } from '../../test/contract/fixtures.ts'

const BATCH = 500
/** So many servers are made one by one; those beyond are copies of them. */
const MADE = 1_000
export const FLAVORS = 12
export const EXTRA_SPECS = { 'hw:cpu_policy': 'shared' }
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
          extraSpecs: EXTRA_SPECS,
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
    const count = await countOf(db)
    for (let first = count; first < Math.min(size, MADE); first += BATCH)
      await database.transaction<NovaDb, void>((trx) =>
        make(trx, first, Math.min(BATCH, size - first), owner),
      )
    for (let first = Math.max(count, MADE); first < size; first += MADE)
      await database.transaction<NovaDb, void>((trx) => copyMade(trx, database.dialect, first, size - first))
    await settle(database)
    return await middleOf(db, size)
  } finally {
    await database.close()
  }
}

/** A second apart, as they may have come. */
const bornAt = (index: number): number => Date.UTC(2026, 0, 1) + index * 1000

async function make(trx: Transaction<NovaDb>, first: number, count: number, owner: Owner): Promise<void> {
  const news = Array.from({ length: count }, (_, index) => serverOf(first + index, owner))
  for (const [index, one] of news.entries()) await insertInstances(trx, [one], { now: bornAt(first + index) })
  await insertBlockDevices(trx, news.map(rootOf), { now: bornAt(first) })
}

const NEW_UUID = {
  postgres: sql`gen_random_uuid()::text`,
  // Of version 4 as far as anybody looks.
  sqlite: sql`substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' || substr(h, 18, 3) || '-' || substr(h, 21, 12)`,
}

const OF_EACH: ReadonlySet<string> = new Set([
  'id',
  'uuid',
  'display_name',
  'created_at',
  'launched_at',
  'changed_at',
])

/** As many more as were made, or `most`, like those, each with a name, a day and a uuid of its own: the database copies faster than anybody sends. */
async function copyMade(
  trx: Transaction<NovaDb>,
  dialect: Database['dialect'],
  first: number,
  most: number,
): Promise<void> {
  const one = await trx.selectFrom('instances').selectAll().limit(1).executeTakeFirstOrThrow()
  const copied = Object.keys(one)
    .filter((name) => !OF_EACH.has(name))
    .map((name) => sql.ref(name))
  const random = dialect === 'sqlite' ? sql`, lower(hex(randomblob(16))) as h` : sql``
  await sql`insert into instances (uuid, display_name, created_at, launched_at, changed_at, ${sql.join(copied)})
    select ${NEW_UUID[dialect]}, 'server-' || (id - 1 + ${first}), created_at + ${first * 1000},
      launched_at + ${first * 1000}, changed_at + ${first * 1000}, ${sql.join(copied)}
    from (select *${random} from instances where id <= ${Math.min(MADE, most)}) as made order by id`.execute(
    trx,
  )
  const added = sql`instances where id > ${first}`
  await sql`insert into instance_tags (instance_uuid, tag) select uuid, 'bench' from ${added}`.execute(trx)
  for (const [key, value] of [
    ['role', sql`'web'`],
    ['index', sql`substr(display_name, 8)`],
  ] as const)
    await sql`insert into instance_metadata (instance_uuid, key, value) select uuid, ${key}, ${value} from ${added}`.execute(
      trx,
    )
  await sql`insert into block_device_mapping (uuid, instance_uuid, source_type, destination_type, image_id,
      device_name, boot_index, device_type, delete_on_termination, created_at)
    select uuid, uuid, 'image', 'local', image_ref, '/dev/vda', 0, 'disk', 1, created_at from ${added}`.execute(
    trx,
  )
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
