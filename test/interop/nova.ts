/** A compute API and a Placement API as tests need them: servers come, hold what they should, and go. */
import { randomUUID } from 'node:crypto'
import { eventually } from '../eventually.ts'
import type { Token } from './keystone-token.ts'

export interface Api {
  readonly url: string
  readonly token: string
  /** `compute 2.90`. */
  readonly version: string
}

const MINUTES_2 = 120_000

/** Any status above 299 fails. */
export async function ask(api: Api, method: string, path: string, body?: unknown): Promise<Json> {
  const answer = await fetch(api.url + path, {
    method,
    headers: {
      'x-auth-token': api.token,
      'openstack-api-version': api.version,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? {} : JSON.parse(text)
}

// oxlint-disable-next-line typescript/no-explicit-any -- bodies of many shapes
type Json = any

export const computeApi = (url: string, { token }: Token): Api => ({ url, token, version: 'compute 2.90' })
export const placementApi = (url: string, { token }: Token): Api => ({
  url,
  token,
  version: 'placement 1.39',
})

export interface Wish {
  readonly imageId: string
  readonly flavorId: string
  readonly networks: unknown
}

/** Boots `count` servers and waits until all are ACTIVE; yields their ids. */
export async function bootServers(compute: Api, count: number, wish: Wish): Promise<readonly string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    const { server } = await ask(compute, 'POST', '/servers', {
      server: {
        name: `interop-${index}-${randomUUID().slice(0, 8)}`,
        imageRef: wish.imageId,
        flavorRef: wish.flavorId,
        networks: wish.networks,
      },
    })
    ids.push(server.id)
  }
  for (const id of ids)
    await eventually(() => isActive(compute, id), { withinMs: MINUTES_2, everyMs: 500, what: `${id} ACTIVE` })
  return ids
}

async function isActive(compute: Api, id: string): Promise<boolean> {
  const { server } = await ask(compute, 'GET', `/servers/${id}`)
  if (server.status === 'ERROR') throw new Error(`server ${id}: ${JSON.stringify(server.fault)}`)
  return server.status === 'ACTIVE'
}

/** Deletes them and waits until they are gone. */
export async function deleteServers(compute: Api, ids: readonly string[]): Promise<void> {
  for (const id of ids) await ask(compute, 'DELETE', `/servers/${id}`)
  const left = async () => {
    const { servers } = await ask(compute, 'GET', '/servers')
    return !servers.some((server: { id: string }) => ids.includes(server.id))
  }
  await eventually(left, { withinMs: MINUTES_2, everyMs: 500, what: 'the servers gone' })
}

/** What a consumer holds, as `RESOURCE:AMOUNT` from each provider by name. */
export async function holdings(placement: Api, consumer: string): Promise<string> {
  const { allocations } = await ask(placement, 'GET', `/allocations/${consumer}`)
  const parts: string[] = []
  for (const [uuid, { resources }] of Object.entries(allocations as Record<string, { resources: object }>)) {
    const { name } = await ask(placement, 'GET', `/resource_providers/${uuid}`)
    const amounts = Object.entries(resources).map(([resourceClass, amount]) => `${resourceClass}:${amount}`)
    parts.push(`${amounts.sort().join(' ')} on ${name}`)
  }
  return parts.join('; ')
}

/** The providers with their inventories and how much of each is used. */
export async function providersOf(placement: Api): Promise<readonly string[]> {
  const { resource_providers: providers } = await ask(placement, 'GET', '/resource_providers')
  const lines: string[] = []
  for (const { uuid, name } of providers as { uuid: string; name: string }[]) {
    const { inventories } = await ask(placement, 'GET', `/resource_providers/${uuid}/inventories`)
    const { usages } = await ask(placement, 'GET', `/resource_providers/${uuid}/usages`)
    const { traits } = await ask(placement, 'GET', `/resource_providers/${uuid}/traits`)
    const parts = Object.entries(inventories as Record<string, { total: number }>).map(
      ([resourceClass, { total }]) => `${resourceClass} ${usages[resourceClass]}/${total}`,
    )
    lines.push(`${name}: ${parts.sort().join(', ')}; ${traits.length} traits`)
  }
  return lines
}
