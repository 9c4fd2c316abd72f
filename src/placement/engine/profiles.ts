/**
 * Sets of names that many providers have alike (the traits of one kind of host, the aggregates of one
 * zone), each kept once and given a number. Text in, as the database joins it: with commas, mostly sorted.
 */

interface Profile {
  readonly text: string
  readonly names: readonly string[]
  uses: number
}

export class Profiles {
  readonly #ids = new Map<string, number>()
  readonly #profiles: (Profile | undefined)[] = []
  readonly #free: number[] = []

  /** The number of the set; it stays while it is used. */
  take(text: string): number {
    const known = this.#ids.get(text)
    const profile = known === undefined ? undefined : this.#profiles[known]
    if (known !== undefined && profile) {
      profile.uses++
      return known
    }
    const id = this.#free.pop() ?? this.#profiles.length
    this.#profiles[id] = { text, names: text === '' ? [] : text.split(',').sort(), uses: 1 }
    this.#ids.set(text, id)
    return id
  }

  give(id: number): void {
    const profile = this.#profiles[id]
    if (!profile || --profile.uses > 0) return
    this.#ids.delete(profile.text)
    this.#profiles[id] = undefined
    this.#free.push(id)
  }

  names(id: number): readonly string[] {
    return this.#profiles[id]?.names ?? []
  }
}
