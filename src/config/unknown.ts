/** What to say of an option nobody declared: a slip of the pen, or one of Nova's that is not used here. */
import { declared, groupNames, optionsOf } from './groups.ts'
import { nearest } from './nearest.ts'

type NovaNames = Readonly<Record<string, string>>

let novaNames: Promise<ReadonlyMap<string, readonly string[]>> | undefined

/** Nova's own option names by group: read only when there is something unknown to explain. */
function allNames(): Promise<ReadonlyMap<string, readonly string[]>> {
  novaNames ??= import('./nova-options.data.json', { with: { type: 'json' } }).then(
    (module) =>
      new Map(Object.entries(module.default as NovaNames).map(([group, names]) => [group, names.split(' ')])),
  )
  return novaNames
}

/** A sentence about an unknown `[group] name`, with the nearest known name where one is near. */
export async function explainUnknown(group: string, name: string): Promise<string> {
  const nova = await allNames()
  if (nova.get(group)?.includes(name))
    return `[${group}] ${name} is an option of Nova's that Kilonova does not use`
  const known = [...new Set([...Object.keys(optionsOf(group)), ...(nova.get(group) ?? [])])]
  const groups = [...new Set([...groupNames(), ...nova.keys()])]
  const said = groups.includes(group) ? `[${group}] ${name} is unknown` : `[${group}] is an unknown section`
  return said + proposal(group, name, known, groups)
}

function proposal(group: string, name: string, known: readonly string[], groups: readonly string[]): string {
  const near = nearest(name, known)
  if (near !== undefined) return `; did you mean ${near}?`
  const homes = groupNames().filter((other) => declared(other, name))
  if (homes.length > 0 && homes.length <= 3)
    return `; ${name} belongs in ${homes.map((home) => `[${home}]`).join(' or ')}`
  const section = groups.includes(group) ? undefined : nearest(group, groups)
  return section === undefined ? '' : `; did you mean [${section}]?`
}
