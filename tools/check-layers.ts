/**
 * Checks that imports respect the layers of docs/rooms.md: who may import whom, doors only, no
 * relative import that climbs out of a room. `LAYERS` is the rule as data; each refusal says why and
 * where the code belongs.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

interface Layer {
  /** Folder under src/. The longest matching folder wins. */
  readonly room: string
  readonly level: number
  /** Rooms of the same level, or otherwise forbidden ones, that may be imported all the same. */
  readonly also?: readonly string[]
  /** Rooms of a lower level that may not be imported. */
  readonly never?: readonly string[]
  /** Rooms of the same level of which only types may be imported. */
  readonly typesOf?: readonly string[]
  readonly why: string
}

const services = 'services speak to one another by contracts over the bus, or HTTP, never by import'
const kits = 'kits and ports know nothing of one another; what they share belongs in model or lib'

const LAYERS: readonly Layer[] = [
  { room: 'lib', level: 0, why: 'lib knows nothing of clouds: what needs ours belongs in a higher layer' },
  { room: 'model', level: 1, why: 'the model is pure rules over nouns: I/O belongs in a service or a store' },
  { room: 'config', level: 2, why: kits },
  { room: 'policy', level: 2, typesOf: ['config'], why: kits },
  { room: 'contracts', level: 2, typesOf: ['config'], why: kits },
  { room: 'db/kit', level: 2, typesOf: ['config'], why: kits },
  { room: 'bus', level: 2, typesOf: ['config'], why: kits },
  { room: 'neighbours', level: 2, typesOf: ['config'], why: kits },
  {
    room: 'db',
    level: 3,
    never: ['bus', 'neighbours'],
    why: 'stores speak SQL only; messages and neighbours belong in a service',
  },
  {
    room: 'virt',
    level: 3,
    never: ['bus', 'neighbours', 'db/kit'],
    why: 'drivers are told everything; asking belongs in compute',
  },
  {
    room: 'placement',
    level: 4,
    never: ['db', 'virt'],
    why: 'Placement has its own tables and knows nothing of Nova',
  },
  { room: 'scheduler', level: 4, why: services },
  { room: 'conductor', level: 4, why: services },
  {
    room: 'compute',
    level: 4,
    never: ['db', 'db/kit'],
    why: 'a compute has no database credentials: ask the conductor',
  },
  { room: 'api', level: 4, never: ['virt'], why: services },
  { room: 'metadata', level: 4, never: ['virt'], why: services },
  {
    room: 'console',
    level: 4,
    never: ['db', 'db/kit', 'virt'],
    why: 'proxies ask the conductor to check a token',
  },
  {
    room: 'stand-ins',
    level: 5,
    never: ['db', 'virt', 'placement', 'scheduler', 'conductor', 'compute', 'api', 'metadata', 'console'],
    why: 'stand-ins are neighbours: reached over HTTP, built on lib, model and kits only',
  },
  { room: 'cli', level: 6, why: 'only cli wires and exits' },
]

/** Layers made of many rooms: there, each folder is a room of its own. */
const MANY_ROOMS = new Set(['lib', 'model', 'neighbours', 'virt', 'stand-ins', 'api', 'db'])

/** The room a file is in: a layer, or a folder in a layer of many rooms. */
function roomOf(path: string): string {
  const [layer = '', room, ...rest] = path.split('/')
  return MANY_ROOMS.has(layer) && rest.length > 0 ? `${layer}/${room}` : layer
}

/** A door: an index.ts, a port.ts, or a file that stands directly in a layer's folder. */
function isDoor(path: string): boolean {
  return /(^|\/)(index|port)\.ts$/.test(path) || path.split('/').length === 2
}

export interface Violation {
  readonly file: string
  readonly imported: string
  readonly reason: string
}

const IMPORT =
  /^\s*(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm

function layerOf(path: string): Layer | undefined {
  return LAYERS.filter((layer) => path.startsWith(`${layer.room}/`)).sort(
    (a, b) => b.room.length - a.room.length,
  )[0]
}

/** Checks one file's imports. `file` is relative to src/. */
export function checkFile(src: string, file: string, text: string): Violation[] {
  const own = layerOf(file)
  if (!own)
    return [
      { file, imported: '', reason: 'this folder is in no layer: add it to LAYERS in tools/check-layers.ts' },
    ]
  const found: Violation[] = []
  for (const match of text.matchAll(IMPORT)) {
    const typeOnly = match[1] !== undefined
    const specifier = match[2] ?? match[3] ?? ''
    const reason = refusal(src, file, own, specifier, typeOnly)
    if (reason !== undefined) found.push({ file, imported: specifier, reason })
  }
  return found
}

function refusal(
  src: string,
  file: string,
  own: Layer,
  specifier: string,
  typeOnly: boolean,
): string | undefined {
  if (specifier.startsWith('.')) {
    const target = relative(src, resolve(src, dirname(file), specifier))
    if (target.startsWith('..')) return 'a relative import leaves src/'
    return roomOf(target) === roomOf(file)
      ? undefined
      : `a relative import climbs out of its room: write #${target}`
  }
  if (!specifier.startsWith('#')) return undefined
  const target = specifier.slice(1)
  if (!isDoor(target) && roomOf(target) !== roomOf(file))
    return `${target} is inside a room: import its door, #${roomOf(target)}/index.ts`
  const other = layerOf(target)
  if (!other) return `${specifier} is in no layer`
  if (other === own) return undefined
  if (own.also?.includes(other.room)) return undefined
  if (typeOnly && own.typesOf?.includes(other.room)) return undefined
  if (own.never?.includes(other.room)) return `${own.room} may never import ${other.room}: ${own.why}`
  if (other.level >= own.level)
    return `${own.room} (layer ${own.level}) may not import ${other.room} (layer ${other.level}): ${own.why}`
  return undefined
}

function* sources(dir: string): Generator<string> {
  for (const name of readdirSync(dir).sort()) {
    const path = join(dir, name)
    if (statSync(path).isDirectory()) yield* sources(path)
    else if (name.endsWith('.ts')) yield path
  }
}

export function checkLayers(root: string): Violation[] {
  const src = join(root, 'src')
  return [...sources(src)]
    .filter((path) => !path.endsWith('.test.ts'))
    .flatMap((path) => checkFile(src, relative(src, path), readFileSync(path, 'utf8')))
}

if (import.meta.main) {
  const violations = checkLayers(resolve(import.meta.dirname, '..'))
  for (const { file, imported, reason } of violations)
    console.error(`src/${file}: imports ${imported}\n  ${reason}`)
  console.log(
    violations.length === 0
      ? 'layers: every import goes down'
      : `layers: ${violations.length} forbidden imports`,
  )
  process.exitCode = violations.length === 0 ? 0 : 1
}
