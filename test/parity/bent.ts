/** Bodies bent in many ways, for two checkers to judge. */

/** A sample, and the sample bent: each value of it replaced, dropped, or given an unknown neighbour. */
export function* bent(sample: unknown): Generator {
  yield sample
  for (const value of [null, [], {}, 'x', 7]) yield value
  for (const path of pathsOf(sample)) {
    for (const value of STRANGE) yield replaced(sample, path, () => value)
    yield replaced(sample, path, (value) => (isObject(value) ? { ...value, nope: 1 } : value))
    yield dropped(sample, path)
  }
}

const STRANGE = [
  null,
  '',
  ' x',
  'x'.repeat(256),
  0,
  -1,
  '0',
  '10',
  1.5,
  true,
  'True',
  [],
  ['a'],
  {},
  { a: 1 },
]
type Path = readonly (string | number)[]
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function* pathsOf(value: unknown, path: Path = []): Generator<Path> {
  const entries = isObject(value)
    ? Object.entries(value)
    : Array.isArray(value)
      ? [...value.entries()].slice(0, 1)
      : []
  for (const [name, inner] of entries) {
    yield [...path, name]
    yield* pathsOf(inner, [...path, name])
  }
}

function replaced(value: unknown, [name, ...rest]: Path, change: (value: unknown) => unknown): unknown {
  if (name === undefined) return change(value)
  const copy = structuredClone(value) as Record<string | number, unknown>
  copy[name] = replaced(copy[name], rest, change)
  return copy
}

function dropped(value: unknown, path: Path): unknown {
  return replaced(value, path.slice(0, -1), (parent) => {
    if (!isObject(parent)) return parent
    const { [String(path.at(-1))]: _dropped, ...rest } = parent
    return rest
  })
}
