/** What of each resource class, and which traits, a request needs: from the flavor, its extra specs and the image. */
import type { RequestSpec } from '#contracts/scheduler.ts'
import { resourcesOf } from '#model/flavor/index.ts'

export interface Needs {
  readonly resources: Readonly<Record<string, number>>
  readonly requiredTraits: readonly string[]
  readonly forbiddenTraits: readonly string[]
}

const TRAIT = /^trait:([A-Z0-9_]+)$/

/** Throws nothing: extra specs that make no sense are passed over, as they were checked when they were set. */
export function needsOf(spec: RequestSpec): Needs {
  const { flavor } = spec
  const resources = resourcesOf(flavor, spec)
  const [requiredTraits, forbiddenTraits]: [string[], string[]] = [[], []]
  for (const [key, value] of Object.entries(flavor.extraSpecs)) {
    const trait = TRAIT.exec(key)?.[1]
    if (trait !== undefined && value === 'required') requiredTraits.push(trait)
    if (trait !== undefined && value === 'forbidden') forbiddenTraits.push(trait)
  }
  // Images may only ask for traits.
  for (const [key, value] of Object.entries(spec.imageProperties)) {
    const trait = TRAIT.exec(key)?.[1]
    if (trait !== undefined && value === 'required') requiredTraits.push(trait)
  }
  return { resources, requiredTraits: [...new Set(requiredTraits)], forbiddenTraits }
}
