/** What each microversion changed, found by comparing every operation with itself one version earlier. */
import { formatVersion, includes, type Operation, type Version } from '#lib/versioned/index.ts'
import { answerSchema, routeOf } from './answers.ts'

export interface Change {
  readonly route: string
  /** `new`, `ended`, or what of it changed: its body, its query, its answer, its status, how it behaves. */
  readonly what: readonly string[]
}

export interface VersionChanges {
  readonly version: string
  readonly changes: readonly Change[]
}

/** All versions, oldest first; the first is where it begins, and changes nothing. */
export function historyOf(
  operations: readonly Operation[],
  first: Version,
  last: Version,
): readonly VersionChanges[] {
  let before = looksAt(operations, first)
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const version = first + index
    const now = index === 0 ? before : looksAt(operations, version)
    const routes = new Set([...now.keys(), ...before.keys()])
    const changes = [...routes].flatMap((route) => {
      const what = compared(before.get(route), now.get(route))
      return what.length > 0 ? [{ route, what }] : []
    })
    before = now
    return { version: formatVersion(version), changes }
  })
}

/** What may differ between versions, as texts that can be compared. */
type Look = Readonly<Record<string, string | undefined>>

function looksAt(operations: readonly Operation[], version: Version): ReadonlyMap<string, Look> {
  return new Map(
    operations
      .filter(({ range }) => includes(range, version))
      .map((operation) => [
        routeOf(operation),
        {
          body: JSON.stringify(operation.bodySchemaAt(version)),
          query: JSON.stringify(operation.querySchemaAt(version)),
          answer: answerSchema(operation, version),
          status: String(operation.statusAt(version)),
          behaviour: JSON.stringify(operation.behavioursAt(version)),
        },
      ]),
  )
}

function compared(before: Look | undefined, now: Look | undefined): readonly string[] {
  if (!before) return ['new']
  if (!now) return ['ended']
  return Object.keys(now).filter((part) => now[part] !== before[part])
}
