/** What a caller puts into a guest: its password, and files until 2.56. */
import type { Injected } from '#contracts/operations.ts'
import { badRequest } from '#lib/fault.ts'
import type { PersonalityFile } from './quota.ts'

const missing = (what: string) => badRequest(`Bad personality format: missing ${what}`)

/** As the operation that builds the guest is told. Refuses a file without a path or without contents. */
export function injectedOf(adminPass: string, personality: readonly PersonalityFile[] = []): Injected {
  const files = personality.map(({ path, contents }) => {
    if (path === undefined) throw missing('path')
    if (contents === undefined) throw missing('contents')
    return { path, contents }
  })
  return { adminPass, ...(files.length > 0 && { files }) }
}
