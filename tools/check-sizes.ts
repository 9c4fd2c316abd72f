/**
 * Checks that files can be read in a sitting and doors stay doors: at most 400 lines a file, 40 lines
 * an index.ts, and no room named for being a drawer.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'

const MAX_LINES = 400
const MAX_DOOR_LINES = 40
const FOLDERS = ['src', 'tools', 'test', 'bench', 'dashboard', 'bin']
const DRAWERS = new Set(['utils', 'helpers', 'common', 'misc', 'manager', 'base', 'types'])

export function checkSize(path: string, text: string): string | undefined {
  const name = basename(path)
  const stem = name.replace(/\.(ts|tsx|mjs)$/, '')
  const lines = text.split('\n').length - 1
  if (DRAWERS.has(stem)) return `${path}: '${stem}' is a drawer: name the file for its noun or verb`
  if (stem !== stem.toLowerCase() || /[_ ]/.test(stem)) return `${path}: file names are kebab-case`
  const limit = name === 'index.ts' ? MAX_DOOR_LINES : MAX_LINES
  return lines > limit
    ? `${path}: ${lines} lines, at most ${limit}: it wants to be two files, or a table`
    : undefined
}

function* sources(dir: string): Generator<string> {
  for (const name of readdirSync(dir, { withFileTypes: true })) {
    if (name.name === 'node_modules') continue
    const path = join(dir, name.name)
    if (name.isDirectory()) yield* sources(path)
    else if (/\.(ts|tsx|mjs)$/.test(name.name)) yield path
  }
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..')
  const folders = FOLDERS.map((folder) => join(root, folder)).filter((path) =>
    statSync(path, { throwIfNoEntry: false }),
  )
  const problems = folders
    .flatMap((folder) => [...sources(folder)])
    .map((path) => checkSize(relative(root, path), readFileSync(path, 'utf8')))
    .filter((problem) => problem !== undefined)
  for (const problem of problems) console.error(problem)
  console.log(
    problems.length === 0
      ? 'sizes: every file fits a sitting'
      : `sizes: ${problems.length} too large or ill named`,
  )
  process.exitCode = problems.length === 0 ? 0 : 1
}
