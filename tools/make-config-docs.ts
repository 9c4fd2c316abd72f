/** Writes docs/configuration.md and docs/nova.conf.sample from the declared options. `--check` only compares. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { renderDocs, renderSample } from '#config/index.ts'

const root = resolve(import.meta.dirname, '..')

export const GENERATED: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': renderDocs,
  'docs/nova.conf.sample': renderSample,
}

/** The generated files whose text on disk is not what the declarations say. */
export function staleFiles(): string[] {
  return Object.entries(GENERATED)
    .filter(([path, render]) => readOrEmpty(path) !== render())
    .map(([path]) => path)
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return ''
  }
}

if (import.meta.main) {
  const stale = staleFiles()
  if (process.argv.includes('--check')) {
    for (const path of stale)
      console.error(`${path} is not what src/config/options says: run tools/make-config-docs.ts`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else {
    for (const [path, render] of Object.entries(GENERATED)) writeFileSync(join(root, path), render())
    console.log(`wrote ${Object.keys(GENERATED).join(', ')}`)
  }
}
