/** The small guest's image: built by guest/build-tiny-image.sh once, kept by the hash of what it is made from. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '#lib/undo.ts'
import { runKept } from '../run-process.ts'
import { type Machine, refreshPackageLists } from '../setup/set-up.ts'

const SCRIPT = 'build-tiny-image.sh'

/** The hash of the script and of all it puts into the image. */
export function tinyImageHash(root: string): string {
  const guest = join(root, 'guest')
  const files = readdirSync(join(guest, 'tiny'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const hash = createHash('sha256')
  for (const file of [join(guest, SCRIPT), ...files])
    hash.update(`${file.slice(guest.length)}\0`).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

export interface TinyImage {
  readonly path: string
  readonly hash: string
}

const pathOf = (cache: string, hash: string): string => join(cache, 'guest', `tiny-${hash}.qcow2`)

/** The image, if it was built before. */
export function builtTinyImage(root: string, cache: string): TinyImage | undefined {
  const hash = tinyImageHash(root)
  const path = pathOf(cache, hash)
  return existsSync(path) ? { path, hash } : undefined
}

/** Builds the image unless it is there. Undefined, with the reason said, when this machine cannot. */
export async function buildTinyImage(
  root: string,
  cache: string,
  machine: Machine,
): Promise<TinyImage | undefined> {
  const built = builtTinyImage(root, cache)
  if (built) return built
  const hash = tinyImageHash(root)
  const path = pathOf(cache, hash)
  machine.say('Building the small guest image out of Debian packages, about ten seconds …')
  const build = async (): Promise<{ code: number; output: string }> => {
    try {
      const args = [join(root, 'guest', SCRIPT), path]
      return await runKept({ program: 'bash', args, cwd: root, environment: machine.environment })
    } catch (error) {
      return { code: 1, output: messageOf(error) }
    }
  }
  let outcome = await build()
  // Package lists that are missing, or older than the archive.
  if (outcome.code !== 0 && (await refreshPackageLists(machine))) outcome = await build()
  if (outcome.code === 0) return { path, hash }
  machine.say(`It could not be built:\n${outcome.output.trimEnd()}`)
  return undefined
}
