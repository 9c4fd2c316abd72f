/** Hosts that have what bare and `capabilities:` extra specs of the flavor ask for. */
import { factAt, isFact } from '../host-facts.ts'
import { are, type Filter } from './filter.ts'
import { matchesSpec } from './spec-operators.ts'

/**
 * The path to the fact that an extra spec is about; undefined when it is about something else. A bare key is
 * about the host only where the host has such a fact: others are about aggregates.
 */
function pathOf(key: string): readonly string[] | undefined {
  const parts = key.split(':')
  if (parts.length === 1) return isFact(key) ? parts : undefined
  return parts[0] === 'capabilities' ? parts.slice(1) : undefined
}

export const computeCapabilities: Filter = {
  name: 'ComputeCapabilitiesFilter',
  judge({ spec }) {
    const wishes = Object.entries(spec.flavor.extraSpecs).flatMap(([key, wanted]) => {
      const path = pathOf(key)
      return path === undefined ? [] : [{ key, path, wanted }]
    })
    if (wishes.length === 0) return undefined
    return (host) => {
      for (const { key, path, wanted } of wishes) {
        const value = factAt(host, path)
        if (value === undefined || value === null)
          return `the flavor wants ${key}=${wanted}, the host does not tell of it`
        const text = typeof value === 'string' ? value : JSON.stringify(value)
        if (!matchesSpec(text, wanted)) return `the flavor wants ${key}=${wanted}, the host has ${text}`
      }
      return undefined
    }
  },
  tell: (count) => `${are(count)} without a capability that the flavor asks for`,
}
