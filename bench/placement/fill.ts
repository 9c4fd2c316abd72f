/** Fills a Placement database with hosts, set by set in SQL, as a fleet would have them. */
import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type Database, openDatabase } from '#db/kit/index.ts'
import { PLACEMENT_MIGRATIONS } from '#placement/index.ts'

type Db = Kysely<unknown>

export interface Fleet {
  readonly hosts: number
  /** Devices below each host, with `CUSTOM_VF` to give. */
  readonly children: number
  /** Whether hosts are used already, each differently, some wholly. */
  readonly isUsed: boolean
}

export const ZONES = [randomUUID(), randomUUID(), randomUUID()] as const
/** A hundredth of the hosts each. */
export const TENANTS = Array.from({ length: 100 }, () => randomUUID())
export const SMALL_AGGREGATE = TENANTS[42] ?? ''

/** What compute hosts have: thirty traits on every one. */
export const COMMON_TRAITS = [
  'COMPUTE_NODE COMPUTE_ACCELERATORS COMPUTE_NET_ATTACH_INTERFACE COMPUTE_VOLUME_EXTEND COMPUTE_TRUSTED_CERTS',
  'COMPUTE_RESCUE_BFV COMPUTE_VOLUME_ATTACH_WITH_TAG COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG COMPUTE_DEVICE_TAGGING',
  'COMPUTE_VOLUME_MULTI_ATTACH COMPUTE_IMAGE_TYPE_QCOW2 COMPUTE_IMAGE_TYPE_RAW COMPUTE_IMAGE_TYPE_ISO',
  'COMPUTE_STORAGE_BUS_VIRTIO COMPUTE_STORAGE_BUS_SCSI COMPUTE_STORAGE_BUS_IDE COMPUTE_STORAGE_BUS_USB',
  'COMPUTE_GRAPHICS_MODEL_VGA COMPUTE_GRAPHICS_MODEL_VIRTIO COMPUTE_NET_VIF_MODEL_VIRTIO COMPUTE_NET_VIF_MODEL_E1000',
  'COMPUTE_NET_VIF_MODEL_E1000E COMPUTE_NET_VIF_MODEL_RTL8139 COMPUTE_SOCKET_PCI_NUMA_AFFINITY',
  'HW_CPU_X86_SSE HW_CPU_X86_SSE2 HW_CPU_X86_SSE41 HW_CPU_X86_AVX HW_CPU_X86_AVX2 HW_CPU_X86_VMX',
].flatMap((line) => line.split(' '))
export const RARE_TRAIT = 'HW_CPU_X86_AVX512F'

/** Makes the tables and the fleet; answers the uuids of the hosts. */
export async function fill(url: string, fleet: Fleet): Promise<string[]> {
  const database = openDatabase(url)
  try {
    await database.migrate('placement', PLACEMENT_MIGRATIONS)
    return await database.transaction<unknown, string[]>((trx) => fillIn(trx, fleet))
  } finally {
    await settle(database)
    await database.close()
  }
}

/** What a database that has been up for a day has done by itself. */
async function settle(database: Database): Promise<void> {
  if (database.dialect === 'postgres') await sql`analyze`.execute(database.typed<unknown>())
}

async function fillIn(db: Db, { hosts, children, isUsed }: Fleet): Promise<string[]> {
  const uuids = Array.from({ length: hosts }, () => randomUUID())
  await insertProviders(
    db,
    uuids.map((uuid, index) => ({ id: index + 1, uuid, parent: null, root: index + 1 })),
  )
  const below = uuids.flatMap((_, index) =>
    Array.from({ length: children }, (_, child) => ({
      id: hosts + index * children + child + 1,
      uuid: randomUUID(),
      parent: index + 1,
      root: index + 1,
    })),
  )
  await insertProviders(db, below)
  // Used by an amount that only looks like chance, the same in each run.
  const used = (total: number) => (isUsed ? `(id * 7919 % 101) * ${total} / 100` : '0')
  const inventory = (name: string, total: number, ratio: number, where: string) =>
    sql`insert into placement_inventories
      select id, ${name}, cast(${total} as bigint), 0, 1, cast(${total} as bigint), 1, cast(${ratio} as double precision),
             ${sql.raw(used(total * ratio))}, 0, 0
      from placement_resource_providers where ${sql.raw(where)}`.execute(db)
  await inventory('VCPU', 64, 4, 'parent_id is null')
  await inventory('MEMORY_MB', 262_144, 1, 'parent_id is null')
  await inventory('DISK_GB', 2_000, 1, 'parent_id is null')
  if (children > 0) await insertDevices(db)
  const traits = sql.join(
    COMMON_TRAITS.map((trait) => sql`select ${trait} as name`),
    sql` union all `,
  )
  await sql`insert into placement_provider_traits
    select p.id, t.name from placement_resource_providers p, (${traits}) t where p.parent_id is null`.execute(
    db,
  )
  await sql`insert into placement_provider_traits
    select id, ${RARE_TRAIT} from placement_resource_providers where id % 20 = 2 and parent_id is null`.execute(
    db,
  )
  for (const [index, uuid] of [...ZONES, ...TENANTS].entries()) {
    const [of, at] = index < ZONES.length ? [ZONES.length, index] : [TENANTS.length, index - ZONES.length]
    await sql`insert into placement_provider_aggregates
      select id, ${uuid} from placement_resource_providers
      where id % ${sql.lit(of)} = ${sql.lit(at)} and parent_id is null`.execute(db)
  }
  return uuids
}

async function insertDevices(db: Db): Promise<void> {
  await sql`insert into placement_resource_classes (name, created_at, updated_at) values ('CUSTOM_VF', 0, 0)`.execute(
    db,
  )
  await sql`insert into placement_inventories
    select id, 'CUSTOM_VF', 8, 0, 1, 8, 1, 1, 0, 0, 0 from placement_resource_providers
    where parent_id is not null`.execute(db)
}

interface Row {
  readonly id: number
  readonly uuid: string
  readonly parent: number | null
  readonly root: number
}

async function insertProviders(db: Db, rows: readonly Row[]): Promise<void> {
  for (let at = 0; at < rows.length; at += 2_000) {
    const values = rows
      .slice(at, at + 2_000)
      .map(
        ({ id, uuid, parent, root }) => sql`(${id}, ${uuid}, ${`host-${id}`}, 3, ${parent}, ${root}, 0, 0)`,
      )
    await sql`insert into placement_resource_providers
      (id, uuid, name, generation, parent_id, root_id, created_at, updated_at) values ${sql.join(values)}`.execute(
      db,
    )
  }
}
