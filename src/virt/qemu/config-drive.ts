/** What stands on a config drive, written out for the ISO maker. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'

/** Nova's own arguments for genisoimage, understood by mkisofs and xorrisofs too. */
export const configDriveArguments = (output: string, contentDir: string): string[] => [
  '-o',
  output,
  '-ldots',
  '-allow-lowercase',
  '-allow-multidot',
  '-l',
  '-publisher',
  'OpenStack Compute',
  '-quiet',
  '-J',
  '-r',
  '-V',
  'config-2',
  contentDir,
]

/** Writes the files under a temporary folder in `dir`; a path that would leave it is refused. */
export async function writeConfigFiles(
  dir: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<{ readonly dir: string; remove(): Promise<void> }> {
  const content = await mkdtemp(join(dir, '.config-'))
  const remove = () => rm(content, { recursive: true, force: true })
  try {
    for (const [path, bytes] of Object.entries(files)) {
      const inside = normalize(path)
      if (inside.startsWith('/') || inside.split('/').includes('..'))
        throw new Error(`'${path}' leaves the config drive`)
      await mkdir(dirname(join(content, inside)), { recursive: true })
      await writeFile(join(content, inside), bytes)
    }
    return { dir: content, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
