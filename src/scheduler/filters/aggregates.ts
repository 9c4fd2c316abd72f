/** Filters that go by the metadata of the aggregates a host is in. */
import type { CandidateHost, SchedulingRequest } from '../request.ts'
import { are, type Filter } from './filter.ts'
import { matchesSpec } from './spec-operators.ts'

/** What the host's aggregates say under a key; a value may be a list. */
function valuesOf({ aggregates }: CandidateHost, key: string): string[] {
  const said = aggregates.flatMap(({ metadata }) =>
    Object.hasOwn(metadata, key) ? [metadata[key] ?? ''] : [],
  )
  return [...new Set(said.flatMap((text) => text.split(',').map((part) => part.trim())))]
}

const SCOPE = 'aggregate_instance_extra_specs'

/** The key of aggregates that an extra spec is about; undefined when it is about something else. */
function keyOf(spec: string): string | undefined {
  const [scope = '', ...rest] = spec.split(':')
  if (rest.length === 0) return spec
  return scope === SCOPE ? rest.join(':') : undefined
}

function missingSpec(host: CandidateHost, { spec }: SchedulingRequest): string | undefined {
  for (const [name, wanted] of Object.entries(spec.flavor.extraSpecs)) {
    const key = keyOf(name)
    if (key === undefined) continue
    const values = valuesOf(host, key)
    if (!values.some((value) => matchesSpec(value, wanted)))
      return `the flavor wants ${name}=${wanted}, its aggregates have ${values.join(', ') || 'nothing'} there`
  }
  return undefined
}

export const aggregateExtraSpecs: Filter = {
  name: 'AggregateInstanceExtraSpecsFilter',
  refuse: missingSpec,
  tell: (count) => `${are(count)} in no aggregate that the flavor asks for`,
}

const TENANT_KEY = 'filter_tenant_id'

export const aggregateMultiTenancy: Filter = {
  name: 'AggregateMultiTenancyIsolation',
  refuse(host, { spec }) {
    const keys = new Set(host.aggregates.flatMap(({ metadata }) => Object.keys(metadata)))
    const projects = [...keys]
      .filter((key) => key.startsWith(TENANT_KEY))
      .flatMap((key) => valuesOf(host, key))
    return projects.length === 0 || projects.includes(spec.projectId) ? undefined : 'is for other projects'
  },
  tell: (count) => `${are(count)} for other projects`,
}

/** The smallest number that the host's aggregates say under a key, or the option. */
export function limitOf(host: CandidateHost, key: string, option: number): number {
  const numbers = valuesOf(host, key).map(Number).filter(Number.isInteger)
  return numbers.length > 0 ? Math.min(...numbers) : option
}

export const aggregateNumInstances: Filter = {
  name: 'AggregateNumInstancesFilter',
  refuse(host, { config }) {
    const limit = limitOf(host, 'max_instances_per_host', config.maxInstancesPerHost)
    const held = host.node.runningVms
    return held < limit ? undefined : `holds ${held} servers, the limit of its aggregates is ${limit}`
  },
  tell: (count) => `${count === 1 ? '1 holds' : `${count} hold`} as many servers as it may`,
}

const SEPARATOR = '.'

export const aggregateImageIsolation: Filter = {
  name: 'AggregateImagePropertiesIsolation',
  refuse(host, { spec }) {
    const keys = new Set(host.aggregates.flatMap(({ metadata }) => Object.keys(metadata)))
    for (const key of keys) {
      const wanted = spec.imageProperties[key]
      if (key.includes(SEPARATOR) || wanted === undefined) continue
      const values = valuesOf(host, key)
      if (!values.includes(wanted)) return `is for images with ${key} ${values.join(', ')}`
    }
    return undefined
  },
  tell: (count) => `${are(count)} for other images`,
}
