/** How many claims a second are kept for good, and what PostgreSQL alone does with the same statements. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Service } from './service.ts'

export interface ClaimRate {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly refused: number
}

const claimBody = (provider: string) => ({
  allocations: { [provider]: { resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 } } },
  project_id: 'bench',
  user_id: 'bench',
  consumer_generation: null,
  consumer_type: 'INSTANCE',
})

/** Clients that claim on hosts by chance, each one claim after another. */
export async function claimRate(
  service: Service,
  hosts: readonly string[],
  { clients, ms }: { clients: number; ms: number },
): Promise<ClaimRate> {
  const times: number[] = []
  let refused = 0
  const began = performance.now()
  const client = async (): Promise<void> => {
    while (performance.now() - began < ms) {
      const host = hosts[Math.floor(Math.random() * hosts.length)] ?? ''
      const sent = performance.now()
      const { status, text } = await service.ask('PUT', `/allocations/${randomUUID()}`, claimBody(host))
      times.push(performance.now() - sent)
      if (status === 409) refused++
      else if (status !== 204) throw new Error(`a claim: ${status} ${text}`)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - began) / 1_000
  times.sort((a, b) => a - b)
  const at = (share: number): number => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10
  return {
    perSecond: Math.round((times.length - refused) / seconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    refused,
  }
}

/** The statements of one claim in a transaction of its own. */
const CLAIM_SCRIPT = `\\set host random(1, :hosts)
begin;
select id, uuid, generation from placement_resource_providers where id = :host for update;
select total, reserved, used from placement_inventories where provider_id = :host;
insert into placement_consumers (uuid, project_id, user_id, consumer_type, generation, created_at, updated_at)
  values (gen_random_uuid()::text, 'bench', 'bench', 'INSTANCE', 1, 0, 0) returning id \\gset
insert into placement_allocations values (:id, :host, 'VCPU', 1, 0), (:id, :host, 'MEMORY_MB', 512, 0), (:id, :host, 'DISK_GB', 1, 0);
update placement_inventories set used = used + 1 where provider_id = :host;
update placement_resource_providers set generation = generation + 1 where id = :host;
commit;
`
const COMMIT_SCRIPT = `insert into placement_traits (name, created_at) values (gen_random_uuid()::text, 0);
`

/** PostgreSQL's own pgbench: durable transactions a second, of one insert, and of a claim's statements. */
export function postgresAlone(
  bin: string,
  dir: string,
  url: string,
  { clients, hosts, seconds }: { clients: number; hosts: number; seconds: number },
): { commits: number; claims: number } {
  const rate = (name: string, script: string): number => {
    const file = join(dir, `${name}.sql`)
    writeFileSync(file, script)
    const { pathname, searchParams } = new URL(url.replace('@/', '@localhost/'))
    const said = execFileSync(
      join(bin, 'pgbench'),
      [
        `-n -U kilonova -j 2 -M prepared -c ${clients} -T ${seconds} -D hosts=${hosts}`.split(' '),
        ['-h', searchParams.get('host') ?? '', '-f', file, pathname.slice(1)],
      ].flat(),
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    )
    return Math.round(Number(/tps = ([\d.]+)/.exec(said)?.[1] ?? Number.NaN))
  }
  return { commits: rate('commit', COMMIT_SCRIPT), claims: rate('claim', CLAIM_SCRIPT) }
}
