/** Random queries of `/resource_providers` and `/allocation_candidates`, well formed for the most part. */
import type { Chance } from '../chance.ts'
import { CLASSES, minorOf, TRAITS, type World } from './world.ts'

type Parameters = [string, string][]

const text = (parameters: Parameters): string =>
  parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')

const ODD_VALUES = [
  '',
  ' ',
  'x',
  ',',
  '!',
  'in:',
  '!in:',
  'VCPU',
  'VCPU:',
  'VCPU:0',
  'VCPU:-1',
  'VCPU:x',
  'VCPU:1:2',
  'VCPU:1.5',
  'NOPE:1',
  'CUSTOM_NOPE',
  'in:CUSTOM_NOPE,HW_CPU_X86_VMX',
  '!!CUSTOM_T1',
  '0',
  '01',
  'null',
  '99999999999999999999',
] as const

export function resources(chance: Chance): string {
  const classes = chance.some(CLASSES.slice(0, 4), 3)
  const named = classes.length === 0 ? ['VCPU'] : classes
  if (chance.oneIn(12)) named.push(chance.pick(['CUSTOM_A', 'CUSTOM_B', 'CUSTOM_C', 'NOPE']))
  if (chance.oneIn(25)) named.push(named[0] ?? '')
  return named
    .map(
      (name) =>
        `${name}:${chance.weighted([
          [6, chance.between(1, 4)],
          [2, chance.between(5, 20)],
          [1, 4096],
        ])}`,
    )
    .join(',')
}

function traits(chance: Chance, minor: number): string {
  const names: string[] = chance.some(TRAITS, 2)
  if (names.length === 0) names.push(chance.pick(TRAITS))
  if (chance.oneIn(30)) names.push('CUSTOM_T3')
  if (minor >= 39 && chance.oneIn(3)) return `in:${names.join(',')}`
  return names.map((name) => (minor >= 22 && chance.oneIn(3) ? `!${name}` : name)).join(',')
}

function memberOf(chance: Chance, world: World, minor: number): string {
  const [first = '', ...rest] = chance.some(world.aggregates, 2)
  const one = first || chance.pick(world.aggregates)
  const value = rest.length > 0 ? `in:${[one, ...rest].join(',')}` : chance.pick([one, `in:${one}`])
  return minor >= 32 && chance.oneIn(4) ? `!${value}` : value
}

/** What may be asked of one group, from the versions that have it; now and then from one that has not. */
function groupParameters(chance: Chance, world: World, minor: number, suffix: string): Parameters {
  const early = chance.oneIn(25)
  const parameters: Parameters = []
  const has = (since: number, oneIn: number) => (minor >= since || early) && chance.oneIn(oneIn)
  if (has(17, 4)) parameters.push([`required${suffix}`, traits(chance, minor)])
  if (has(39, 10)) parameters.push([`required${suffix}`, traits(chance, minor)])
  if (has(21, 5)) parameters.push([`member_of${suffix}`, memberOf(chance, world, minor)])
  if (has(24, 12)) parameters.push([`member_of${suffix}`, memberOf(chance, world, minor)])
  if (has(31, 10)) parameters.push([`in_tree${suffix}`, chance.pick(world.providers)])
  return parameters
}

const NUMBERS = ['1', '2', '3'] as const
const WORDS = ['_A', '_B-2', 'x'] as const

/** The whole grammar of candidates. */
export function candidateQuery(chance: Chance, world: World, version: string): string {
  const minor = minorOf(version)
  const parameters: Parameters = []
  const suffixes: string[] = []
  if (minor < 25 || chance.oneIn(2)) {
    parameters.push(['resources', resources(chance)], ...groupParameters(chance, world, minor, ''))
    suffixes.push('')
  }
  if (minor >= 25 || chance.oneIn(30)) {
    for (const suffix of chance.some(minor >= 33 && chance.oneIn(2) ? WORDS : NUMBERS, 3)) {
      suffixes.push(suffix)
      const isEmpty = minor >= 36 && chance.oneIn(8)
      const own = groupParameters(chance, world, minor, suffix)
      if (!isEmpty) parameters.push([`resources${suffix}`, resources(chance)])
      parameters.push(...own)
    }
  }
  const named = suffixes.filter((suffix) => suffix !== '')
  if (named.length > 1 && !chance.oneIn(20))
    parameters.push(['group_policy', chance.pick(['none', 'none', 'isolate'])])
  if (minor >= 36 && named.length > 0 && chance.oneIn(3)) {
    const together = chance.some(named, 3)
    if (together.length > 0) parameters.push(['same_subtree', together.join(',')])
  }
  if (minor >= 35 && chance.oneIn(6)) {
    const names = chance.some(TRAITS, 2)
    parameters.push([
      'root_required',
      (names.length === 0 ? ['HW_CPU_X86_VMX'] : names)
        .map((name) => (chance.oneIn(3) ? `!${name}` : name))
        .join(','),
    ])
  }
  if (minor >= 16 && chance.oneIn(6)) parameters.push(['limit', chance.pick(['1', '2', '5', '1000'])])
  return text(spoilt(chance, parameters))
}

/** Filters of the list of providers. */
export function providerQuery(chance: Chance, world: World, version: string): string {
  const minor = minorOf(version)
  const early = chance.oneIn(20)
  const parameters: Parameters = []
  const has = (since: number, oneIn: number) => (minor >= since || early) && chance.oneIn(oneIn)
  if (has(0, 8)) parameters.push(['name', `name-${chance.between(0, 13)}`])
  if (has(0, 8)) parameters.push(['uuid', chance.pick(world.providers)])
  if (has(3, 3)) parameters.push(['member_of', memberOf(chance, world, minor)])
  if (has(24, 8)) parameters.push(['member_of', memberOf(chance, world, minor)])
  if (has(4, 3)) parameters.push(['resources', resources(chance)])
  if (has(14, 4)) parameters.push(['in_tree', chance.pick(world.providers)])
  if (has(18, 3)) parameters.push(['required', traits(chance, minor)])
  if (has(39, 8)) parameters.push(['required', traits(chance, minor)])
  return text(spoilt(chance, parameters))
}

/** Now and then one value is nonsense, one parameter unknown, or one there twice. */
function spoilt(chance: Chance, parameters: Parameters): Parameters {
  const copy = parameters.map((each): [string, string] => [...each])
  if (chance.oneIn(15) && copy.length > 0) chance.pick(copy)[1] = chance.pick(ODD_VALUES)
  if (chance.oneIn(40))
    copy.push([
      chance.pick([
        'nope',
        'resources!',
        'limit',
        'group_policy',
        'required_',
        'same_subtree',
        'root_required',
      ]),
      chance.pick(['1', 'none', ...ODD_VALUES]),
    ])
  if (chance.oneIn(40) && copy.length > 0) copy.push([...chance.pick(copy)])
  return copy
}
