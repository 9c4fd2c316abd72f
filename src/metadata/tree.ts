/** The paths a guest can read: the OpenStack tree, and EC2's, with listings of their folders. */
import { posix } from 'node:path'
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
const PASSWORD_SINCE = '2013-04-04'

const text = (content: string | Buffer): Found => ({ type: 'text/plain', content })
const listing = (names: readonly string[]): Found => text(names.join('\n'))

/** A path's segments, dots resolved. What is not under `openstack` is EC2's, with its name or without. */
export function segmentsOf(path: string): string[] {
  const [first, ...rest] = posix
    .normalize(`/${path}`)
    .split('/')
    .filter((part) => part !== '')
  if (first === undefined) return ['ec2']
  return first === 'openstack' || first === 'ec2' ? [first, ...rest] : ['ec2', first, ...rest]
}

/** What stands at a path, given as its segments; undefined when nothing does. */
export function find(source: MetadataSource, [root, ...path]: readonly string[]): Found | undefined {
  return root === 'openstack' ? findOpenstack(source, path) : findEc2(source, path)
}

/** `latest` as the newest one; undefined for one that never was. */
const versionOf = (name: string, versions: readonly string[]): string | undefined =>
  name === LATEST ? versions.at(-1) : versions.find((version) => version === name)

/** Whether the segments lead to the guest's password, which is as old as 2013-04-04. */
export function isPassword([root, name, file, ...deeper]: readonly string[]): boolean {
  const version = versionOf(name ?? '', OPENSTACK_VERSIONS)
  const isThere = version !== undefined && version >= PASSWORD_SINCE
  return root === 'openstack' && isThere && file === 'password' && deeper.length === 0
}

function findOpenstack(
  source: MetadataSource,
  [name, file, ...deeper]: readonly string[],
): Found | undefined {
  if (name === undefined) return listing([...OPENSTACK_VERSIONS, LATEST])
  const version = versionOf(name, OPENSTACK_VERSIONS)
  if (version === undefined || deeper.length > 0) return undefined
  const files = openstackFiles(source, version)
  if (file === undefined) return listing(namesOf(version, [...files.keys()]))
  const content = files.get(file)
  return content === undefined
    ? undefined
    : { type: file.endsWith('.json') ? 'application/json' : 'text/plain', content }
}

/** The files of a version in Nova's order: what it always had, then what came later. */
function namesOf(version: string, files: readonly string[]): string[] {
  const order = [
    'meta_data.json',
    'user_data',
    'password',
    'vendor_data.json',
    'network_data.json',
    'vendor_data2.json',
  ]
  const there = new Set([...files, ...(version >= PASSWORD_SINCE ? ['password'] : [])])
  return order.filter((name) => there.has(name))
}

function findEc2(source: MetadataSource, [name, ...path]: readonly string[]): Found | undefined {
  if (name === undefined) return listing([...EC2_VERSIONS, LATEST])
  const version = versionOf(name, EC2_VERSIONS)
  if (version === undefined) return undefined
  const userData = source.userData === null ? undefined : Buffer.from(source.userData, 'base64')
  if (path[0] === 'user-data') return userData && path.length === 1 ? text(userData) : undefined
  const tree = { 'meta-data': ec2Tree(source, version), ...(userData && { 'user-data': '' }) }
  return walk(tree, path)
}

const isFolder = (tree: Tree): tree is { readonly [name: string]: Tree } =>
  typeof tree === 'object' && !Array.isArray(tree)

function walk(tree: Tree, path: readonly string[]): Found | undefined {
  const [segment, ...rest] = path
  if (segment === undefined) return show(tree)
  if (!isFolder(tree) || segment === '_name' || !Object.hasOwn(tree, segment)) return undefined
  const next = tree[segment]
  return next === undefined ? undefined : walk(next, rest)
}

function show(tree: Tree): Found {
  if (!isFolder(tree)) return Array.isArray(tree) ? listing(tree as readonly string[]) : text(String(tree))
  const names = Object.entries(tree).filter(([name]) => name !== '_name')
  return listing(names.map(([name, value]) => listedAs(name, value)).sort())
}

const listedAs = (name: string, value: Tree): string => {
  if (!isFolder(value)) return name
  return typeof value['_name'] === 'string' ? value['_name'] : `${name}/`
}
