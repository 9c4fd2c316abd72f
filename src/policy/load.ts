/** An operator's policy file (`policy.yaml`, or its older JSON form), read into a policy. */
import { readFile } from 'node:fs/promises'
import { createPolicy, type Overrides, type Policy, type PolicyOptions } from './policy.ts'
import { PolicySyntaxError } from './parse.ts'

/**
 * A policy with the overrides of `file`; a file that is not there overrides nothing, as in oslo.policy.
 * Throws a `PolicySyntaxError` naming the file, and the line or the rule, when it cannot be read.
 */
export async function loadPolicy(
  file: string | undefined,
  options: Omit<PolicyOptions, 'overrides' | 'source'>,
): Promise<Policy> {
  if (file === undefined) return createPolicy(options)
  return createPolicy({ ...options, overrides: await readOverrides(file), source: file })
}

async function readOverrides(file: string): Promise<Overrides> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
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
