/** What disks are called: `/dev/vda`, `/dev/vdb` … */

const LETTERS = 26

/** The next name after the root disk's, with its prefix, that none of these is. */
export function freeDeviceName(rootDeviceName: string | null, names: readonly string[]): string {
  const root = rootDeviceName ?? '/dev/vda'
  const taken = new Set([root, ...names].map(lettersOf))
  const prefix = root.replace(/[a-z]\d*$/, '')
  let number = 1
  while (taken.has(lettersAt(number))) number += 1
  return `${prefix}${lettersAt(number)}`
}

/** Whether a name means the root disk or one of these. */
export const isDeviceNameTaken = (
  name: string,
  rootDeviceName: string | null,
  names: readonly string[],
): boolean => [rootDeviceName ?? '/dev/vda', ...names].some((one) => lettersOf(one) === lettersOf(name))

/** What tells disks apart: `b` of `/dev/vdb` and of `/dev/sdb1`. */
const lettersOf = (deviceName: string): string =>
  deviceName.replace(/^\/dev\/(?:x?[a-z]?d)?/, '').replace(/\d+$/, '')

/** a … z, aa, ab … */
const lettersAt = (number: number): string =>
  (number < LETTERS ? '' : lettersAt(Math.floor(number / LETTERS) - 1)) +
  String.fromCharCode('a'.charCodeAt(0) + (number % LETTERS))
