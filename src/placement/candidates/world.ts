/** What the search looks at: providers with what they have, in their trees. Plain data. */
import { SHARES_VIA_AGGREGATE } from '../standard.ts'

export interface Room {
  readonly capacity: number
  readonly used: number
  readonly minUnit: number
  readonly maxUnit: number
  readonly stepSize: number
}

export interface WorldProvider {
  readonly id: number
  readonly uuid: string
  readonly parentId: number | null
  readonly rootId: number
  readonly rooms: ReadonlyMap<string, Room>
  readonly traits: ReadonlySet<string>
  readonly aggregates: ReadonlySet<string>
}

/** Providers by id, in the order they are to be tried. Every tree that is in it is in it whole. */
export type World = ReadonlyMap<number, WorldProvider>

/** A tree, and the providers outside of it that share with it. */
export interface Anchor {
  readonly root: WorldProvider
  readonly members: readonly WorldProvider[]
  readonly sharing: readonly WorldProvider[]
}

/** Whether `amount` more fits, by itself and as a unit. */
export const hasRoom = (room: Room | undefined, amount: number): boolean =>
  room !== undefined &&
  room.used + amount <= room.capacity &&
  amount >= room.minUnit &&
  amount <= room.maxUnit &&
  amount % room.stepSize === 0

const intersects = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  [...a].some((each) => b.has(each))

/** The trees of a world, each with what is shared with it. */
export function anchorsOf(world: World): Anchor[] {
  const trees = new Map<number, WorldProvider[]>()
  for (const provider of world.values()) {
    const tree = trees.get(provider.rootId)
    if (tree) tree.push(provider)
    else trees.set(provider.rootId, [provider])
  }
  const sharing = [...world.values()].filter((provider) => provider.traits.has(SHARES_VIA_AGGREGATE))
  return [...trees].flatMap(([rootId, members]) => {
    const root = world.get(rootId)
    if (!root) return []
    const shared = sharing.filter(
      (provider) =>
        provider.rootId !== rootId &&
        members.some((member) => intersects(member.aggregates, provider.aggregates)),
    )
    return [{ root, members, sharing: shared }]
  })
}
