/** Filters that go by the metadata of the aggregates a host is in. */
import type { CandidateHost } from '../request.ts'
import { integerOf } from '../number-text.ts'
import { are, type Filter } from './filter.ts'
import { matchesSpec } from './spec-operators.ts'

/** What the host's aggregates say under a key, each as it is written there. */
const saidUnder = ({ aggregates }: CandidateHost, key: string): string[] =>
  aggregates.flatMap(({ metadata }) => (Object.hasOwn(metadata, key) ? [metadata[key] ?? ''] : []))

/** What the host's aggregates say under a key; a value may be a list. */
const valuesOf = (host: CandidateHost, key: string): string[] => [
  ...new Set(saidUnder(host, key).flatMap((text) => text.split(',').map((part) => part.trim()))),
]

/** The smallest number that the host's aggregates say under a key; the option when they say none, or what is no number. */
export function limitOf(host: CandidateHost, key: string, option: number): number {
  const numbers = saidUnder(host, key).map(integerOf)
  const known = numbers.filter((number) => number !== undefined)
  return numbers.length > 0 && known.length === numbers.length ? Math.min(...known) : option
}

const SCOPE = 'aggregate_instance_extra_specs'

/** The key of aggregates that an extra spec is about; undefined when it is about something else. */
function keyOf(spec: string): string | undefined {
  const [scope = '', ...rest] = spec.split(':')
  if (rest.length === 0) return spec
  return scope === SCOPE ? rest.join(':') : undefined
}

export const aggregateExtraSpecs: Filter = {
  name: 'AggregateInstanceExtraSpecsFilter',
  judge({ spec }) {
    const wishes = Object.entries(spec.flavor.extraSpecs).flatMap(([name, wanted]) => {
      const key = keyOf(name)
      return key === undefined ? [] : [{ name, key, wanted }]
    })
    if (wishes.length === 0) return undefined
    return (host) => {
      for (const { name, key, wanted } of wishes) {
        const values = valuesOf(host, key)
        if (!values.some((value) => matchesSpec(value, wanted)))
          return `the flavor wants ${name}=${wanted}, its aggregates have ${values.join(', ') || 'nothing'} there`
      }
      return undefined
    }
  },
  tell: (count) => `${are(count)} in no aggregate that the flavor asks for`,
}

const TENANT_KEY = 'filter_tenant_id'

export const aggregateMultiTenancy: Filter = {
  name: 'AggregateMultiTenancyIsolation',
  judge:
    ({ spec }) =>
    (host) => {
      const keys = new Set(host.aggregates.flatMap(({ metadata }) => Object.keys(metadata)))
      const projects = [...keys]
        .filter((key) => key.startsWith(TENANT_KEY))
        .flatMap((key) => valuesOf(host, key))
      return projects.length === 0 || projects.includes(spec.projectId) ? undefined : 'is for other projects'
    },
  tell: (count) => `${are(count)} for other projects`,
}

/** Hosts whose aggregates name the flavors they are for. */
export const aggregateTypeAffinity: Filter = {
  name: 'AggregateTypeAffinityFilter',
  judge({ spec: { flavor } }) {
    const { name } = flavor
    return (host) => {
      const flavors = valuesOf(host, 'instance_type')
      if (flavors.length === 0 || (name !== undefined && flavors.includes(name))) return undefined
      return `is for the flavors ${flavors.join(', ')}`
    }
  },
  tell: (count) => `${are(count)} for other flavors`,
}

export const aggregateImageIsolation: Filter = {
  name: 'AggregateImagePropertiesIsolation',
  judge({ spec: { imageProperties }, config }) {
    const { imageIsolationNamespace: namespace, imageIsolationSeparator: separator } = config
    const prefix = namespace ? `${namespace}${separator}` : ''
    const named = Object.entries(imageProperties).filter(
      ([key, value]) => key.startsWith(prefix) && value !== '',
    )
    if (named.length === 0) return undefined
    return (host) => {
      for (const [key, wanted] of named) {
        const values = valuesOf(host, key)
        if (values.length > 0 && !values.includes(wanted))
          return `is for images with ${key} ${values.join(', ')}`
      }
      return undefined
    }
  },
  tell: (count) => `${are(count)} for other images`,
}
