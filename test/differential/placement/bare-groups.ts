/**
 * Groups that the real service finds nobody for: without resources it keeps those that have the traits and
 * aggregates asked for, and where neither is asked for, it keeps none.
 */
import type { Ask, Reply } from './client.ts'

const NARROWING = /^(resources|required|member_of)(.*)$/
const isPositive = (kind: string, value: string): boolean =>
  kind === 'member_of' ? !value.startsWith('!') : value.split(',').some((part) => !part.startsWith('!'))

/** Whether a group asks for nothing but a tree, or for what is forbidden, and theirs found nothing. */
export function hasBareGroup({ path }: Ask, { theirs }: { readonly theirs: Reply }): boolean {
  const found = (theirs.json as { allocation_requests?: readonly unknown[] } | undefined)?.allocation_requests
  if (found?.length !== 0) return false
  const parameters = [...new URLSearchParams(path.split('?')[1])]
  const narrowed = new Set(
    parameters.flatMap(([name, value]) => {
      const [, kind, suffix] = NARROWING.exec(name) ?? []
      return kind !== undefined && isPositive(kind, value) ? [suffix] : []
    }),
  )
  const groups = parameters.flatMap(([name]) => /^(?:in_tree|required|member_of)(.+)$/.exec(name)?.[1] ?? [])
  return groups.some((suffix) => !narrowed.has(suffix))
}
