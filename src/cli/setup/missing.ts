/** Which needs are not met: a few file look-ups, cheap enough for every start. */
import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Need } from './packages.ts'

/** Where administrators' programs are: a bare shell's PATH may lack them. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** A PATH with the system's folders at its end. */
export function fullPath(path: string | undefined): string {
  const folders = (path ?? '').split(':').filter((folder) => folder !== '')
  return [...folders, ...SYSTEM_FOLDERS.filter((folder) => !folders.includes(folder))].join(':')
}

/** Whether a program is found on `path`. */
export function hasProgram(name: string, path: string): boolean {
  return path.split(':').some((folder) => isExecutable(join(folder, name)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const isMet = (need: Need, path: string): boolean =>
  (need.programs ?? []).some((name) => hasProgram(name, path)) ||
  (need.files ?? []).some((file) => existsSync(file))

/** The needs not met, in the table's order. */
export const missing = (needs: readonly Need[], path: string): Need[] =>
  needs.filter((need) => !isMet(need, path))
