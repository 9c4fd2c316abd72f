/** Finds the operations of a path: a tree of path segments, literal ones before parameters. */
import type { Route } from './route.ts'
import { overlap } from '#lib/versioned/index.ts'

export interface Match {
  /** The routes of this method and path, of all versions and actions. */
  readonly routes: readonly Route[]
  readonly params: Readonly<Record<string, string>>
}

interface Node {
  readonly literals: Map<string, Node>
  parameter: Node | undefined
  readonly methods: Map<string, { routes: Route[]; names: readonly string[] }>
}

export interface Router {
  /** Undefined when no route has this method and path. */
  match(method: string, segments: readonly string[]): Match | undefined
}

const node = (): Node => ({ literals: new Map(), parameter: undefined, methods: new Map() })

/** Builds the tree. Two routes for one method, path and action at one version fail. */
export function createRouter(routes: readonly Route[]): Router {
  const root = node()
  for (const route of routes) insert(root, route)
  return {
    match(method, segments) {
      const values: string[] = []
      const found = find(root, segments, 0, values, method)
      if (!found) return undefined
      return {
        routes: found.routes,
        params: Object.fromEntries(found.names.map((name, index) => [name, values[index] ?? ''])),
      }
    },
  }
}

function insert(root: Node, route: Route): void {
  const { method, path, action = '' } = route.operation
  let at = root
  const names: string[] = []
  for (const segment of path.split('/').filter((part) => part !== '')) {
    const name = /^\{(.*)\}$/.exec(segment)?.[1]
    if (name === undefined) {
      const next = at.literals.get(segment) ?? node()
      at.literals.set(segment, next)
      at = next
    } else {
      names.push(name)
      at = at.parameter ??= node()
    }
  }
  const entry = at.methods.get(method) ?? { routes: [], names }
  const clash = entry.routes.find(
    (other) =>
      (other.operation.action ?? '') === action && overlap(other.operation.range, route.operation.range),
  )
  if (clash) throw new Error(`${method} ${path} ${action}: two operations claim the same versions`)
  entry.routes.push(route)
  at.methods.set(method, entry)
}

function find(
  at: Node,
  segments: readonly string[],
  index: number,
  values: string[],
  method: string,
): ReturnType<Node['methods']['get']> {
  const segment = segments[index]
  if (segment === undefined) return at.methods.get(method)
  const literal = at.literals.get(segment)
  const found = literal && find(literal, segments, index + 1, values, method)
  if (found || !at.parameter || segment === '') return found
  values.push(segment)
  const deeper = find(at.parameter, segments, index + 1, values, method)
  if (!deeper) values.pop()
  return deeper
}
