/** Whether two bodies are alike: the same names, nested the same way, with values of the same types. */

/** Places under which names are the deployment's, or depend on what lies there. */
const FREE =
  /(addresses|metadata|extra_specs|hosts|cpu_info|meta|properties|scheduler_hints|rules|flavor_access|volumes_attached|diagnostics|\.log)$/

/** Types by place: `.servers[].links[].href` → `string`. Of null nothing is known. */
export type Shape = ReadonlyMap<string, ReadonlySet<string>>

export function shapeOf(value: unknown): Shape {
  const found = new Map<string, Set<string>>()
  const visit = (inner: unknown, place: string): void => {
    const types = found.get(place) ?? new Set()
    found.set(place, types)
    if (inner !== null) types.add(Array.isArray(inner) ? 'array' : typeof inner)
    if (FREE.test(place) || typeof inner !== 'object' || inner === null) return
    if (Array.isArray(inner)) for (const item of inner) visit(item, `${place}[]`)
    else for (const [name, item] of Object.entries(inner)) visit(item, `${place}.${name}`)
  }
  visit(value, '')
  return found
}

/** What is only in one of two shapes, what is of another type in the second, and lists that are empty there only. */
export function differences(expected: Shape, got: Shape): readonly string[] {
  const beneathEmpty = (place: string, other: Shape): boolean =>
    [...place.matchAll(/\[\]/g)].some(
      ({ index }) => other.has(place.slice(0, index)) && !other.has(place.slice(0, index + 2)),
    )
  const missing = [...expected.keys()].filter((place) => !got.has(place) && !beneathEmpty(place, got))
  const extra = [...got.keys()].filter((place) => !expected.has(place) && !beneathEmpty(place, expected))
  const other = [...expected].filter(([place, types]) => {
    const here = got.get(place)
    return here && types.size > 0 && here.size > 0 && ![...here].some((type) => types.has(type))
  })
  const emptied = [...expected].flatMap(([place, types]) => {
    const isFilled = types.has('array') && expected.has(`${place}[]`)
    return isFilled && got.get(place)?.has('array') === true && !got.has(`${place}[]`) ? [place] : []
  })
  return [
    ...missing.map((place) => `-${place}`),
    ...extra.map((place) => `+${place}`),
    ...other.map(([place]) => `≠${place}`),
    ...emptied.map((place) => `∅${place}`),
  ]
}
