/** The security groups of a create, by id or by name. */
import { badRequest, conflict } from '#lib/fault.ts'
import type { Caller, Networks } from '#neighbours/networks/port.ts'

export interface Groups {
  /** Of the groups; empty leaves the choice of the default group to Neutron. */
  readonly ids: readonly string[]
  readonly names: readonly string[]
}

const DEFAULT: Groups = { ids: [], names: ['default'] }

/** Throws in Nova's words when a group is not there, or its name is not enough to tell which is meant. */
export async function resolveGroups(
  asked: readonly (string | undefined)[] | undefined,
  networks: Networks,
  caller: Caller,
): Promise<Groups> {
  const wanted = [...new Set((asked ?? []).filter((name) => name !== undefined))]
  if (wanted.length === 0 || (wanted.length === 1 && wanted[0] === 'default')) return DEFAULT
  const found = await networks.securityGroups(caller, { ids: wanted, names: wanted })
  const named = wanted.map((name) => {
    const byId = found.find(({ id }) => id === name)
    const byName = found.filter((group) => group.name === name)
    if (!byId && byName.length > 1) {
      const use = 'use an ID to be more specific.'
      throw conflict(`Multiple security_group matches found for name '${name}', ${use}`)
    }
    const group = byId ?? byName[0]
    if (!group) throw badRequest(`Unable to find security_group with name or id '${name}'`)
    return group
  })
  // By its name and by its id it is one group.
  const groups = [...new Set(named)]
  return { ids: groups.map(({ id }) => id), names: groups.map(({ name }) => name) }
}
