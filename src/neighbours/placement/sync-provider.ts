/** Keeping a provider true: made when it is missing, its inventory and traits changed only where they differ. */
import type { Clock } from '#lib/clock.ts'
import { Fault } from '#lib/fault.ts'
import type { HttpAnswer } from '#lib/http/index.ts'
import type { Inventory, PlacementClient } from './port.ts'
import { errorCode, isConcurrentUpdate, type Send, unexpected } from './request.ts'

type WantedProvider = Parameters<PlacementClient['syncProvider']>[0]

const ATTEMPTS = 5

/** Others' traits, which a report of what the host can do does not take away. */
const isForeign = (trait: string): boolean =>
  trait.startsWith('CUSTOM_') || trait === 'COMPUTE_STATUS_DISABLED'

/**
 * A `syncProvider` that remembers what it made true: the same again costs nothing, until it is
 * `refreshAfterMs` old.
 */
export function createProviderSync(
  send: Send,
  options: { readonly clock: Clock; readonly refreshAfterMs: number },
): PlacementClient['syncProvider'] {
  const done = new Map<string, { readonly what: string; readonly at: number }>()
  return async (provider) => {
    const what = JSON.stringify(provider)
    const before = done.get(provider.uuid)
    const now = options.clock.now()
    if (before?.what === what && now - before.at < options.refreshAfterMs) return
    done.delete(provider.uuid)
    await ensureProvider(send, provider)
    await replaceGuarded(send, `/resource_providers/${provider.uuid}/inventories`, (body) =>
      inventoryChange(body, provider.inventories),
    )
    await syncTraits(send, provider)
    done.set(provider.uuid, { what, at: now })
  }
}

async function ensureProvider(send: Send, { uuid, name }: WantedProvider): Promise<void> {
  const path = `/resource_providers/${uuid}`
  const found = await send('GET', path)
  if (found.status === 200 && (found.json as { name: string }).name === name) return
  if (found.status !== 200 && found.status !== 404) throw unexpected('asked for a provider', found)
  const written =
    found.status === 200
      ? await send('PUT', path, { name })
      : await send('POST', '/resource_providers', { uuid, name })
  if (written.status === 200) return
  if (errorCode(written) !== 'placement.duplicate_name') throw unexpected('asked to make a provider', written)
  // Somebody made it just now; or another provider has the name, which only a person can settle.
  const again = await send('GET', path)
  if (again.status !== 200)
    throw new Fault(
      'conflict',
      `The placement service has a resource provider named ${name} already, with another uuid than ${uuid}.`,
    )
}

const inventoryBody = (inventory: Inventory) => ({
  total: inventory.total,
  reserved: inventory.reserved,
  min_unit: inventory.minUnit,
  max_unit: inventory.maxUnit,
  step_size: inventory.stepSize,
  allocation_ratio: inventory.allocationRatio,
})

function inventoryChange(body: unknown, wanted: Readonly<Record<string, Inventory>>): object | undefined {
  const current = (body as { inventories: Readonly<Record<string, Readonly<Record<string, number>>>> })
    .inventories
  const target = Object.fromEntries(Object.entries(wanted).map(([name, each]) => [name, inventoryBody(each)]))
  const same =
    Object.keys(current).length === Object.keys(target).length &&
    Object.entries(target).every(([name, fields]) =>
      Object.entries(fields).every(([field, value]) => current[name]?.[field] === value),
    )
  return same ? undefined : { inventories: target }
}

async function syncTraits(send: Send, { uuid, traits }: WantedProvider): Promise<void> {
  const custom = traits.filter((trait) => trait.startsWith('CUSTOM_'))
  await replaceGuarded(send, `/resource_providers/${uuid}/traits`, async (body) => {
    const current = (body as { traits: readonly string[] }).traits
    const target = new Set([...traits, ...current.filter(isForeign)])
    if (target.size === current.length && current.every((trait) => target.has(trait))) return undefined
    for (const trait of custom.filter((each) => !current.includes(each))) {
      const made = await send('PUT', `/traits/${trait}`)
      if (made.status !== 201 && made.status !== 204)
        throw unexpected(`asked to make the trait ${trait}`, made)
    }
    return { traits: [...target] }
  })
}

/**
 * Reads what is at `path`, and writes what `change` makes of it with the generation that was read; again
 * when somebody else wrote in between. `change` answers undefined when nothing need be written.
 */
export async function replaceGuarded(
  send: Send,
  path: string,
  change: (body: unknown) => object | undefined | Promise<object | undefined>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const read = await send('GET', path)
    if (read.status !== 200) throw unexpected(`read ${lastPart(path)}`, read)
    const generation = (read.json as { resource_provider_generation: number }).resource_provider_generation
    const changed = await change(read.json)
    if (changed === undefined) return
    const written: HttpAnswer = await send('PUT', path, {
      ...changed,
      resource_provider_generation: generation,
    })
    if (written.status === 200) return
    if (!isConcurrentUpdate(written) || attempt === ATTEMPTS)
      throw unexpected(`wrote ${lastPart(path)}`, written)
  }
}

const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
