/** The real Nova, asked the same: a hundred servers are made in it first, and as many flavors as ours has; they are removed after. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findOracle, startOracle } from '../../test/interop/oracle.ts'
import { passwordLogin } from '../../test/password-login.ts'
import { cpuSeconds, processTree } from '../measure/processes.ts'
import { EXTRA_SPECS, FLAVORS } from './fill.ts'
import type { Target } from './measure.ts'

const SERVERS = 100
const BUILD_MS = 600_000
/** Deletes that the real one is asked for side by side. */
const AT_ONCE = 8

type Ask = (
  method: string,
  path: string,
  body?: unknown,
) => Promise<{ status: number; body: Record<string, unknown> }>

/** Has the real service up, with its servers, for `measure`, to which it and one of them are given. */
export async function measureNova(measure: (target: Target, uuid: string) => Promise<void>): Promise<void> {
  const oracle = await startOracle(findOracle(undefined), ['-n', '2', '--cinder'])
  try {
    const { token, url, imageUrl, projectId } = await login(oracle.authUrl, oracle.password)
    const ask = askOf(url, token)
    const quota = `/os-quota-sets/${projectId}`
    await ask('PUT', quota, { quota_set: { instances: -1, cores: -1, ram: -1 } })
    const flavors = await makeFlavors(ask)
    try {
      const { images } = (await askOf(imageUrl, token)('GET', '/images')).body as { images: Listed[] }
      const uuids = await make(ask, images[0]?.id)
      const target: Target = {
        url,
        token,
        microversion: '2.93',
        clients: 4,
        atLeast: 10,
        cpu: () => cpuOf(oracle.home),
      }
      await measure(target, uuids[SERVERS / 2] ?? '')
    } finally {
      await removeAll(ask)
      for (const flavor of flavors) await ask('DELETE', `/flavors/${flavor}`)
      await ask('DELETE', quota)
    }
  } finally {
    await oracle.release()
  }
}

async function login(authUrl: string, password: string) {
  const { token, projectId, endpoints } = await passwordLogin({
    authUrl,
    user: 'admin',
    password,
    project: 'admin',
  })
  return {
    token,
    url: endpoints.get('compute') ?? '',
    imageUrl: (endpoints.get('image') ?? '').replace(/(\/v2)?\/?$/, '/v2'),
    projectId,
  }
}

const askOf =
  (url: string, token: string): Ask =>
  async (method, path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        'x-auth-token': token,
        'openstack-api-version': 'compute 2.93',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
  }

const NAME = 'kilonova-bench'

interface Listed {
  readonly id: string
  readonly status: string
  readonly 'OS-EXT-STS:task_state': string | null
}

const listed = async (ask: Ask): Promise<Listed[]> =>
  (await ask('GET', `/servers/detail?name=${NAME}`)).body['servers'] as Listed[]

/** As many flavors as ours has in all, each new one with the same extra specs; answers the new ones' ids. */
async function makeFlavors(ask: Ask): Promise<string[]> {
  const { flavors } = (await ask('GET', '/flavors')).body as { flavors: { id: string }[] }
  // A run that was cut off leaves its own.
  const left = flavors.filter(({ id }) => id.startsWith(NAME))
  for (const { id } of left) await ask('DELETE', `/flavors/${id}`)
  const made: string[] = []
  for (let index = flavors.length - left.length; index < FLAVORS; index++) {
    const id = `${NAME}-${index}`
    const flavor = { id, name: id, vcpus: 1, ram: 128, disk: 1 }
    const answer = await ask('POST', '/flavors', { flavor })
    if (answer.status !== 200)
      throw new Error(`the real Nova makes no flavor: ${JSON.stringify(answer.body)}`)
    made.push(id)
    await ask('POST', `/flavors/${id}/os-extra_specs`, { extra_specs: EXTRA_SPECS })
  }
  return made
}

/** A hundred servers, all of them built. */
async function make(ask: Ask, imageRef: string | undefined): Promise<string[]> {
  const flavors = (await ask('GET', '/flavors')).body['flavors'] as { id: string; name: string }[]
  const flavorRef = flavors.find(({ name }) => name === 'm1.nano')?.id
  const server = { name: NAME, flavorRef, imageRef, networks: 'none', min_count: SERVERS }
  const made = await ask('POST', '/servers', { server })
  if (made.status !== 202) throw new Error(`the real Nova makes no servers: ${JSON.stringify(made.body)}`)
  for (const end = performance.now() + BUILD_MS; performance.now() < end; await delay(2_000)) {
    const servers = await listed(ask)
    const building = servers.filter(({ status }) => status === 'BUILD').length
    if (servers.length >= SERVERS && building === 0) return servers.map(({ id }) => id)
  }
  throw new Error('the real Nova has not built a hundred servers in ten minutes')
}

/** Until none is left: a create that is still under way goes, too. */
async function removeAll(ask: Ask): Promise<void> {
  for (const end = performance.now() + BUILD_MS; performance.now() < end; await delay(2_000)) {
    const servers = await listed(ask)
    if (servers.length === 0) return
    const going = servers.filter((server) => server['OS-EXT-STS:task_state'] !== 'deleting')
    const remove = async (): Promise<void> => {
      for (let one = going.pop(); one; one = going.pop()) await ask('DELETE', `/servers/${one.id}`)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, remove))
  }
}

const RUN = 'run'

function cpuOf(home: string): { api: number; database: number } {
  const of = (name: string): number =>
    processTree(Number(readFileSync(join(home, RUN, `${name}.pid`), 'utf8'))).reduce(
      (sum, pid) => sum + cpuSeconds(pid),
      0,
    )
  return { api: of('nova-api'), database: of('mysql') }
}
