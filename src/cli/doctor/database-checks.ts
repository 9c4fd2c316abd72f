/** The database: whether it answers, has this release's tables, agrees on the time, and hears of every service. */
import { sql } from 'kysely'
import { isDatabaseAway } from '#db/kit/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { listServices } from '#db/services.ts'
import { isServiceUp } from '#model/host/index.ts'
import { reasonOf } from '#lib/undo.ts'
import { databaseAnswers, novaVersion, requireSchema } from '../services/database.ts'
import { type Check, failed, ok, skipped, warning } from './check.ts'

const MS = 1_000
/** Leases and heartbeats are compared with each process' own clock. */
const CLOCKS_APART_MS = 2_000

/** Said once, with the first of these checks. */
const ofDatabase = (error: unknown): string | undefined =>
  isDatabaseAway(error) ? 'see the database above' : undefined

const NONE = skipped('none is configured: right on a compute host, which speaks to the conductor only')

export const DATABASE_CHECKS: readonly Check[] = [
  {
    name: 'database',
    mend: 'start PostgreSQL, or correct [database] connection',
    mendOf: (error) =>
      /password|role .* does not exist/.test(reasonOf(error))
        ? 'correct USER:PASSWORD in [database] connection'
        : undefined,
    async run({ database }) {
      if (!database) return [NONE]
      await databaseAnswers(database)
      return [ok(`${database.dialect} answers`)]
    },
  },
  {
    name: 'schema',
    mend: 'nova-manage db sync',
    mendOf: ofDatabase,
    async run({ database }) {
      if (!database) return [NONE]
      await requireSchema(database)
      return [ok(`version ${await novaVersion(database)}, as this release needs`)]
    },
  },
  {
    name: 'database clock',
    mend: 'run chrony (or systemd-timesyncd) on both machines',
    mendOf: ofDatabase,
    async run({ database, now }) {
      if (!database) return [NONE]
      if (database.dialect === 'sqlite') return [ok('the same machine')]
      const asked = now()
      const { rows } = await sql<{ at: number }>`
        select (extract(epoch from clock_timestamp()) * 1000)::float8 as at`.execute(database.typed())
      const apartMs = Math.round((rows[0]?.at ?? 0) - (asked + now()) / 2)
      const says = `${Math.abs(apartMs)} ms apart`
      return Math.abs(apartMs) <= CLOCKS_APART_MS ? [ok(says)] : [failed(says, this.mend)]
    },
  },
  {
    name: 'services',
    mend: 'see the database above',
    async run({ database, config, now }) {
      if (!database) return [NONE]
      const services = await listServices(database.typed<NovaDb>())
      const downAfterMs = config.DEFAULT.service_down_time * MS
      const missing = ['nova-conductor', 'nova-scheduler', 'nova-compute'].filter(
        (binary) => !services.some((service) => service.binary === binary),
      )
      const silent = services.filter((service) => !isServiceUp(service, now(), downAfterMs))
      return [
        ok(`${services.length - silent.length} up`),
        ...missing.map((binary) =>
          warning(`no ${binary} has ever reported`, `systemctl start ${binary} on its host; see its log`),
        ),
        ...silent.map(({ binary, host, forcedDown, lastSeenUp }) => {
          const since = Math.round((now() - (lastSeenUp ?? 0)) / MS)
          return forcedDown
            ? warning(
                `${binary} on ${host} is forced down`,
                `openstack compute service set --up ${host} ${binary}`,
              )
            : warning(
                `${binary} on ${host} was not heard of for ${since} s`,
                `systemctl start ${binary} on ${host}, or openstack compute service delete, if it is gone`,
              )
        }),
      ]
    },
  },
]
