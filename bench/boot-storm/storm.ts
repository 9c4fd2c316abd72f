/** A storm: many clients that create servers at once, and then delete them. */
import { setTimeout as delay } from 'node:timers/promises'
import { type CloudClient, login } from '../../test/cloud-client.ts'

const POLL_MS = 100
const PATIENCE_MS = 600_000

export interface Storm {
  readonly servers: number
  readonly clients: number
}

/** One phase: how long clients waited for answers, and how long it took until all was done. */
export interface Phase {
  readonly seconds: number
  /** Until the last request was answered. */
  readonly acceptedSeconds: number
}

interface Named {
  readonly id: string
  readonly name: string
}

/** Makes room for the storm: quotas, and a network with enough addresses. Answers what every create asks for. */
export async function prepare(stateDir: string): Promise<{ demo: CloudClient; server: object }> {
  const demo = await login(stateDir, 'kilonova-demo')
  const admin = await login(stateDir, 'kilonova-admin')
  const unlimited = { instances: -1, cores: -1, ram: -1 }
  await admin.ok('compute', 'PUT', `/os-quota-sets/${demo.projectId}`, { quota_set: unlimited })
  await admin.call('network', 'PUT', `/quotas/${demo.projectId}`, { quota: { port: -1 } })
  const { network } = (await demo.ok('network', 'POST', '/networks', {
    network: { name: 'storm' },
  })) as { network: Named }
  const subnet = { network_id: network.id, cidr: '10.77.0.0/16', ip_version: 4 }
  await demo.ok('network', 'POST', '/subnets', { subnet })
  const idOf = async (service: string, path: string, key: string, name: string): Promise<string> => {
    const list = ((await demo.ok(service, 'GET', path)) as Record<string, Named[]>)[key] ?? []
    return list.find((each) => each.name === name)?.id ?? ''
  }
  const imageRef = await idOf('image', '/images', 'images', 'tiny')
  const flavorRef = await idOf('compute', '/flavors', 'flavors', 'm1.nano')
  return { demo, server: { name: 'storm', imageRef, flavorRef, networks: [{ uuid: network.id }] } }
}

/** So many workers go through the work, each doing one piece after another. */
async function inParallel<T>(clients: number, pieces: readonly T[], work: (piece: T) => Promise<void>) {
  const left = [...pieces]
  const client = async (): Promise<void> => {
    for (let piece = left.pop(); piece !== undefined; piece = left.pop()) await work(piece)
  }
  await Promise.all(Array.from({ length: clients }, client))
}

async function timed(requests: () => Promise<void>, isOver: () => Promise<boolean>): Promise<Phase> {
  const began = performance.now()
  await requests()
  const acceptedSeconds = (performance.now() - began) / 1_000
  while (!(await isOver())) {
    if (performance.now() - began > PATIENCE_MS) throw new Error('the storm does not end')
    await delay(POLL_MS)
  }
  return { seconds: (performance.now() - began) / 1_000, acceptedSeconds }
}

const isEmpty = async (demo: CloudClient, filter: string): Promise<boolean> =>
  ((await demo.ok('compute', 'GET', `/servers?limit=1${filter}`)) as { servers: unknown[] }).servers
    .length === 0

/** Creates all servers; over when none is being built any more. */
export async function createAll(
  demo: CloudClient,
  server: object,
  { servers, clients }: Storm,
): Promise<Phase> {
  const pieces = Array.from({ length: servers }, (_, number) => ({ ...server, name: `storm-${number}` }))
  const phase = await timed(
    () =>
      inParallel(
        clients,
        pieces,
        async (piece) => void (await demo.ok('compute', 'POST', '/servers', { server: piece })),
      ),
    () => isEmpty(demo, '&status=BUILD'),
  )
  if (!(await isEmpty(demo, '&status=ERROR'))) throw new Error('a server is in ERROR')
  return phase
}

/** Deletes all servers; over when none is listed. */
export async function deleteAll(demo: CloudClient, { clients }: Storm): Promise<Phase> {
  const ids: string[] = []
  for (let marker = ''; ; ) {
    const page = (await demo.ok('compute', 'GET', `/servers?limit=1000${marker}`)) as { servers: Named[] }
    ids.push(...page.servers.map(({ id }) => id))
    if (page.servers.length < 1_000) break
    marker = `&marker=${ids.at(-1)}`
  }
  return timed(
    () => inParallel(clients, ids, async (id) => void (await demo.ok('compute', 'DELETE', `/servers/${id}`))),
    () => isEmpty(demo, ''),
  )
}
