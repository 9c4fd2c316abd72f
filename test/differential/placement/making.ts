/** What every random request is made with: the world, what is known of it, its version. */
import type { Chance } from '../chance.ts'
import { type Json, spoil } from './bodies.ts'
import type { Ask } from './client.ts'
import type { World } from './world.ts'

/** What is known of the world as it stands. */
export interface Knowledge {
  generationOf(provider: string): Promise<number>
  /** Null: there is no such consumer. */
  consumerGeneration(consumer: string): Promise<number | null>
}

export interface Making {
  readonly chance: Chance
  readonly world: World
  readonly known: Knowledge
  readonly version: string
}

export type Make = (making: Making) => Promise<Ask> | Ask

export const get = (version: string, path: string): Ask => ({ method: 'GET', path, version })

/**
 * A body, spoilt now and then. Never by taking everything from a consumer: the real service keeps a record
 * of one that was new, shows nothing of it, and refuses it from then on.
 */
export function withBody({ chance, version }: Making, method: string, path: string, body: Json): Ask {
  const text = JSON.stringify(body)
  if (!chance.oneIn(14)) return { method, path, version, text }
  const spoilt = JSON.stringify(spoil(chance, body))
  const takesAll = spoilt.includes('"allocations":{}') && !text.includes('"allocations":{}')
  return { method, path, version, text: takesAll ? text : spoilt }
}

export const provider = ({ chance, world }: Making): string =>
  chance.oneIn(60) ? chance.pick([chance.uuid(), 'not-a-uuid', 'ABC']) : chance.pick(world.providers)

/** The provider's generation, or a wrong one now and then. */
export async function generation({ chance, known }: Making, uuid: string): Promise<number> {
  const actual = await known.generationOf(uuid)
  return chance.oneIn(10) ? actual + chance.pick([-1, 1, 5]) : actual
}

export const consumer = ({ chance, world }: Making): string =>
  chance.oneIn(80) ? chance.pick(['not-a-uuid', chance.uuid()]) : chance.pick(world.consumers)
