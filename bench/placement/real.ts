/** The real Placement with the same fleet in its own tables, for the same queries. Its callers are taken at their word too. */
import type { Oracle } from '../../test/interop/oracle.ts'
import { startRealPlacement } from '../../test/interop/placements.ts'
import { COMMON_TRAITS, RARE_TRAIT, TENANTS, ZONES } from './fill.ts'
import { asking, costsOf, type Service } from './service.ts'

const DATABASE = 'placement_bench'

/** Used as `fill` says it, of the whole capacity. */
const INVENTORIES = [
  ['VCPU', 64, 4],
  ['MEMORY_MB', 262_144, 1],
  ['DISK_GB', 2_000, 1],
] as const

/** Starts it on tables of its own and fills them. */
export async function startReal(oracle: Oracle, dir: string, hosts: number): Promise<Service> {
  const service = await startRealPlacement(oracle, { dir, database: DATABASE })
  const { ask, passBy, close } = asking(service.url, 1)
  // The first request has it write down the standard traits and classes.
  await ask('GET', '/traits')
  await oracle.sql([`use ${DATABASE}`, ...statementsFor(hosts)].join('; '))
  return {
    ...costsOf(service.pid),
    startMs: 0,
    ask,
    passBy,
    async stop() {
      await close()
      await service.stop()
    },
  }
}

const list = (names: readonly string[]): string => names.map((name) => `'${name}'`).join()

function statementsFor(hosts: number): string[] {
  const aggregates = [...ZONES, ...TENANTS]
  return [
    `set session max_recursive_iterations = ${hosts}`,
    `insert into resource_providers (id, uuid, name, generation, root_provider_id)
       with recursive n(i) as (select 1 union all select i + 1 from n where i < ${hosts})
       select i, uuid(), concat('host-', i), 3, i from n`,
    ...INVENTORIES.map(
      ([name, total, ratio]) => `insert into inventories
        (resource_provider_id, resource_class_id, total, reserved, min_unit, max_unit, step_size, allocation_ratio)
        select p.id, c.id, ${total}, 0, 1, ${total}, 1, ${ratio}
        from resource_providers p join resource_classes c on c.name = '${name}'`,
    ),
    `insert into projects (id, external_id) values (1, 'bench')`,
    `insert into users (id, external_id) values (1, 'bench')`,
    `insert into consumers (id, uuid, project_id, user_id, generation)
       select id, uuid(), 1, 1, 1 from resource_providers`,
    ...INVENTORIES.map(
      ([
        name,
        total,
        ratio,
      ]) => `insert into allocations (resource_provider_id, consumer_id, resource_class_id, used)
        select p.id, k.uuid, c.id, ((p.id * 7919) % 101) * ${total * ratio} div 100
        from resource_providers p join consumers k on k.id = p.id join resource_classes c on c.name = '${name}'
        where (p.id * 7919) % 101 > 1`,
    ),
    `insert into resource_provider_traits (resource_provider_id, trait_id)
       select p.id, t.id from resource_providers p join traits t on t.name in (${list(COMMON_TRAITS)})`,
    `insert into resource_provider_traits (resource_provider_id, trait_id)
       select p.id, t.id from resource_providers p join traits t on t.name = '${RARE_TRAIT}' where p.id % 20 = 2`,
    ...aggregates.flatMap((uuid, index) => {
      const [of, at] = index < ZONES.length ? [ZONES.length, index] : [TENANTS.length, index - ZONES.length]
      return [
        `insert into placement_aggregates (id, uuid) values (${index + 1}, '${uuid}')`,
        `insert into resource_provider_aggregates (resource_provider_id, aggregate_id)
           select id, ${index + 1} from resource_providers where id % ${of} = ${at}`,
      ]
    }),
  ]
}
