/** The paths a guest can read: the OpenStack tree, and EC2's, with listings of their folders. */
import {
  EC2_VERSIONS,
  ec2Tree,
  type MetadataSource,
  OPENSTACK_VERSIONS,
  openstackFiles,
  type Tree,
} from '#model/metadata/index.ts'

export interface Found {
  readonly type: 'text/plain' | 'application/json'
  readonly content: string | Buffer
}

const LATEST = 'latest'

const text = (content: string | Buffer): Found => ({ type: 'text/plain', content })
const listing = (names: readonly string[]): Found => text(names.join('\n'))

/** What stands at a path, given as its segments; undefined when nothing does. */
export function find(source: MetadataSource, path: readonly string[]): Found | undefined {
  const [first, ...rest] = path
  if (first === undefined) return listing([...EC2_VERSIONS, LATEST].map((version) => `${version}/`))
  return first === 'openstack' ? findOpenstack(source, rest) : findEc2(source, first, rest)
}

/** `latest` as the newest one; undefined for one that never was. */
const versionOf = (name: string, versions: readonly string[]): string | undefined =>
  name === LATEST ? versions.at(-1) : versions.find((version) => version === name)

function findOpenstack(
  source: MetadataSource,
  [name, file, ...deeper]: readonly string[],
): Found | undefined {
  if (name === undefined) return listing([...OPENSTACK_VERSIONS, LATEST])
  const version = versionOf(name, OPENSTACK_VERSIONS)
  if (version === undefined || deeper.length > 0) return undefined
  const files = openstackFiles(source, version)
  if (file === undefined) return listing([...files.keys(), 'password'])
  const content = files.get(file)
  return content === undefined
    ? undefined
    : { type: file.endsWith('.json') ? 'application/json' : 'text/plain', content }
}

function findEc2(
  source: MetadataSource,
  name: string,
  [folder, ...rest]: readonly string[],
): Found | undefined {
  const version = versionOf(name, EC2_VERSIONS)
  if (version === undefined) return undefined
  const userData = source.userData === null ? undefined : Buffer.from(source.userData, 'base64')
  if (folder === undefined) return listing(['meta-data/', ...(userData ? ['user-data'] : [])])
  if (folder === 'user-data') return userData && rest.length === 0 ? text(userData) : undefined
  return folder === 'meta-data' ? walk(ec2Tree(source, version), rest) : undefined
}

/** Keys are listed as `0=name` and asked for as `0`. */
const child = (tree: { readonly [name: string]: Tree }, segment: string): Tree | undefined =>
  Object.entries(tree).find(([name]) => name === segment || name.split('=')[0] === segment)?.[1]

function walk(tree: Tree, path: readonly string[]): Found | undefined {
  const [segment, ...rest] = path
  if (segment === undefined) return show(tree)
  if (typeof tree === 'string' || Array.isArray(tree)) return undefined
  const next = child(tree as { readonly [name: string]: Tree }, segment)
  return next === undefined ? undefined : walk(next, rest)
}

function show(tree: Tree): Found {
  if (typeof tree === 'string') return text(tree)
  if (Array.isArray(tree)) return listing(tree as readonly string[])
  const isFolder = (value: Tree): boolean => typeof value !== 'string' && !Array.isArray(value)
  return listing(
    Object.entries(tree).map(([name, value]) => (isFolder(value) && !name.includes('=') ? `${name}/` : name)),
  )
}
