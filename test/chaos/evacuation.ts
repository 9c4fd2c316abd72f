/** A host that dies for good: its servers are made anew elsewhere, and what it brings along when it returns stays quiet. */
import { setTimeout as delay } from 'node:timers/promises'
import { consumersOf, guestsOf, type Scene, type Server, serversOf } from './aftermath.ts'
import type { Member, Victims } from './fleet.ts'

/** So long each part may take. */
const PATIENCE_MS = 60_000
const POLL_MS = 100

const hostOf = (server: Server): string | null => server['OS-EXT-SRV-ATTR:host']

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`evacuation: never ${what}`)
    await delay(POLL_MS)
  }
}

/** Makes servers on the host that goes, so that there is something to save. */
async function settleOn(scene: Scene, create: () => Promise<string>, host: string): Promise<Server[]> {
  const there = async () =>
    (await serversOf(scene)).filter((server) => hostOf(server) === host && server.status === 'ACTIVE')
  for (let tries = 0; (await there()).length === 0 && tries < 20; tries++) {
    const id = await create()
    scene.ledger.created.add(id)
    await until(
      'built',
      async () => (await serversOf(scene)).find((each) => each.id === id)?.status === 'ACTIVE',
    )
  }
  return there()
}

async function forceDown(scene: Scene, host: string, isDown: boolean): Promise<void> {
  const path = `/os-services?binary=nova-compute&host=${host}`
  const { services } = (await scene.admin.ok('compute', 'GET', path)) as { services: { id: string }[] }
  await scene.admin.ok('compute', 'PUT', `/os-services/${services[0]?.id}`, { forced_down: isDown })
}

/** `member` is the nova-compute of the simulated `host`; `create` makes a server. Yields what is wrong, and how long it took. */
export async function evacuate(
  scene: Scene,
  {
    victims,
    member,
    host,
    create,
  }: { victims: Victims; member: Member; host: string; create: () => Promise<string> },
): Promise<{ readonly wrongs: string[]; readonly servers: number; readonly ms: number }> {
  const leaving = await settleOn(scene, create, host)
  const began = performance.now()
  victims.kill(member)
  await forceDown(scene, host, true)
  for (const { id } of leaving)
    await scene.admin.ok('compute', 'POST', `/servers/${id}/action`, { evacuate: {} })
  const ids = new Set(leaving.map(({ id }) => id))
  const ours = async () => (await serversOf(scene)).filter(({ id }) => ids.has(id))
  await until('elsewhere', async () =>
    (await ours()).every(
      (server) =>
        server['OS-EXT-STS:task_state'] === null && (server.status === 'ERROR' || hostOf(server) !== host),
    ),
  )
  const arrived = await ours()
  const allocations = await consumersOf(scene.admin)
  const wrongs = arrived.flatMap((server) => [
    ...(server.status === 'SHUTOFF'
      ? []
      : [`${server.id} is ${server.status} after its evacuation: ${server.fault?.message}`]),
    ...(allocations.get(server.id) === 1
      ? []
      : [`${server.id} is allocated on ${allocations.get(server.id) ?? 0} hosts`]),
  ])
  await victims.revive(member)
  await forceDown(scene, host, false)
  const older = () => guestsOf(scene.stateDir).filter((guest) => guest.host === host && ids.has(guest.id))
  await until('quiet on the host that came back', async () => older().every((guest) => !guest.isRunning))
  for (const { id } of arrived)
    await scene.admin.ok('compute', 'POST', `/servers/${id}/action`, { 'os-start': null })
  await until('started', async () =>
    (await ours()).every(({ status }) => status === 'ACTIVE' || status === 'ERROR'),
  )
  const ms = performance.now() - began
  const running = guestsOf(scene.stateDir).filter((guest) => ids.has(guest.id) && guest.isRunning)
  for (const id of ids) {
    const on = running.filter((guest) => guest.id === id).map((guest) => guest.host)
    if (on.length !== 1 || on[0] === host)
      wrongs.push(`the guest of ${id} runs on ${on.join(' and ') || 'no host'}`)
    if (!older().some((guest) => guest.id === id))
      wrongs.push(`the older guest of ${id} is gone from ${host}`)
  }
  return {
    wrongs: leaving.length === 0 ? [`no server came to ${host}`] : wrongs,
    servers: leaving.length,
    ms,
  }
}
