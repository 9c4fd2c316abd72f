/** The identity of a compute host: made at its first start, and kept beside its guests, where Nova keeps it too. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ids, isUuid } from '#lib/ids.ts'
import { UsageError } from '../arguments.ts'

const FILE = 'compute_id'

/** Reads `compute_id` in the state directory, or makes it. Throws `UsageError` when it holds no UUID. */
export function computeIdentity(stateDir: string, ids: Ids): string {
  const path = join(stateDir, FILE)
  if (existsSync(path)) {
    const identity = readFileSync(path, 'utf8').trim().toLowerCase()
    if (isUuid(identity)) return identity
    throw new UsageError(
      `${path} holds no UUID: put back what it held, or remove it if the host has no guests`,
    )
  }
  const identity = ids.uuid()
  // Whole or not at all.
  writeFileSync(`${path}.new`, `${identity}\n`)
  renameSync(`${path}.new`, path)
  return identity
}
