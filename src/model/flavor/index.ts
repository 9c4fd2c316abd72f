/** Flavors: the size of a guest. */

export { resourcesOf } from './resources.ts'

export interface Flavor {
  readonly id: number
  /** The id in the API: a UUID, or whatever the admin chose. */
  readonly flavorId: string
  readonly name: string
  readonly vcpus: number
  readonly memoryMb: number
  readonly rootGb: number
  readonly ephemeralGb: number
  readonly swapMb: number
  readonly rxtxFactor: number
  readonly isPublic: boolean
  readonly disabled: boolean
  readonly description: string | null
  readonly extraSpecs: Readonly<Record<string, string>>
}
