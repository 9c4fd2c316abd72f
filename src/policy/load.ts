/** An operator's policy files (`policy.yaml`, or its older JSON form, and folders of more), read into a policy. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PolicySyntaxError } from './parse.ts'
import { createPolicy, type Overrides, type Policy, type PolicyOptions } from './policy.ts'

export interface PolicySources {
  /** `[oslo_policy] policy_file`. */
  readonly file?: string | undefined
  /** `[oslo_policy] policy_dirs`: every file of each, by name; later ones prevail over earlier ones and over the file. */
  readonly directories?: readonly string[]
}

export type LoadOptions = Omit<PolicyOptions, 'overrides' | 'source'>

/**
 * A policy with the overrides of the sources; what is not there overrides nothing, as in oslo.policy.
 * Throws a `PolicySyntaxError` naming the file, and the line or the rule, when it cannot be read.
 */
export async function loadPolicy(sources: PolicySources, options: LoadOptions): Promise<Policy> {
  const files = await filesOf(sources)
  if (files.length === 0) return createPolicy(options)
  const read = await Promise.all(files.map(readOverrides))
  return createPolicy({ ...options, overrides: Object.assign({}, ...read), source: files.join(', ') })
}

/** What would be read: the file, then those in the folders, hidden ones apart. */
async function filesOf({ file, directories = [] }: PolicySources): Promise<readonly string[]> {
  const inside = await Promise.all(directories.map(listed))
  return [...(file === undefined ? [] : [file]), ...inside.flat()]
}

async function listed(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(nothingIfMissing)
  return (entries ?? [])
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => join(directory, entry.name))
    .sort()
}

/** Changes whenever a source does: names, sizes and times of what would be read. */
export async function stampOf(sources: PolicySources): Promise<string> {
  const files = await filesOf(sources)
  const stats = await Promise.all(files.map((file) => stat(file).catch(nothingIfMissing)))
  return files.map((file, index) => `${file} ${stats[index]?.mtimeMs} ${stats[index]?.size}`).join('\n')
}

async function readOverrides(file: string): Promise<Overrides> {
  const text = await readFile(file, 'utf8').catch(nothingIfMissing)
  if (text === undefined) return {}
  // Most installations have no such file; they need not pay for the parser at start.
  const { parse, YAMLError } = await import('./read-yaml.ts')
  let content: unknown
  try {
    content = parse(text)
  } catch (error) {
    if (error instanceof YAMLError) throw new PolicySyntaxError(`${file}: ${error.message}`, { cause: error })
    throw error
  }
  if (content === null || content === undefined) return {}
  if (typeof content !== 'object' || Array.isArray(content))
    throw new PolicySyntaxError(`${file}: rule names with their checks were expected`)
  return content as Overrides
}

function nothingIfMissing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
}
