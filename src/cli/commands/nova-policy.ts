/** `nova-policy policy check`: which rules would let a user through, by nova.conf and the policy files beside it. */
import { parseArgs } from 'node:util'
import { ConfigError, type Config } from '#config/index.ts'
import { getInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { isFault } from '#lib/fault.ts'
import type { RequestContext } from '#model/request-context.ts'
import { computeRules, loadPolicy, PolicySyntaxError, type Target } from '#policy/index.ts'
import { UsageError } from '../arguments.ts'
import { openNovaDatabase } from '../services/database.ts'
import { loadServiceSettings } from '../services/settings.ts'

const TARGETS = ['project_id', 'user_id', 'quota_class', 'availability_zone', 'instance_id']

const HELP = `nova-policy [--config-file FILE] [--config-dir DIR] [--os-roles ROLE,ROLE] [--os-user-id ID] [--os-tenant-id ID]
            policy check [--api-name NAME] [--target NAME=VALUE [NAME=VALUE ...]]

Prints the rules that the user passes. OS_ROLES, OS_USER_ID and OS_TENANT_ID stand in for the options.

  --api-name NAME        only rules with this in their names
  --target NAME=VALUE    what is acted upon, by ${TARGETS.join(', ')};
                         the user's own when left out. An instance_id stands for its project and user.

Exit codes: 0 some rules pass, 1 none does, 2 a mistake in the arguments, the configuration or a policy file.`

const USAGE = 2

/** Yields the exit code. */
export async function novaPolicy(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  try {
    const { values, positionals } = readArguments(args)
    const [group, command, ...more] = positionals
    if (values.help) {
      console.log(HELP)
      return 0
    }
    if (group !== 'policy' || command !== 'check')
      throw new UsageError(`policy check is what there is\n\n${HELP}`)
    const {
      config,
      warnings,
      policy: sources,
    } = await loadServiceSettings(
      { files: values['config-file'] ?? [], directories: values['config-dir'] ?? [] },
      environment,
    )
    for (const warning of warnings) console.error(`warning: ${warning}`)
    // Scopes are not looked at: a user and roles are given, not a token.
    const policy = await loadPolicy(sources, {
      enforceScope: false,
      enforceNewDefaults: config.oslo_policy.enforce_new_defaults,
    })
    const who = userOf(values, environment)
    const target = await targetOf([...(values.target ?? []), ...more], config)
    const passing = computeRules
      .map(({ name }) => name)
      .filter((name) => name.includes(values['api-name'] ?? '') && policy.allows(name, who, target))
    console.log(passing.length > 0 ? passing.join('\n') : 'No rules matched or allowed')
    return passing.length > 0 ? 0 : 1
  } catch (error) {
    const isOperators =
      error instanceof UsageError || error instanceof ConfigError || error instanceof PolicySyntaxError
    if (!isOperators && !isFault(error, 'notFound')) throw error
    console.error(`nova-policy: ${error.message}`)
    return USAGE
  }
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'config-file': { type: 'string', multiple: true },
        'config-dir': { type: 'string', multiple: true },
        'os-roles': { type: 'string' },
        'os-user-id': { type: 'string' },
        'os-tenant-id': { type: 'string' },
        'api-name': { type: 'string' },
        target: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

type Given = ReturnType<typeof readArguments>['values']

function userOf(values: Given, environment: NodeJS.ProcessEnv): RequestContext {
  const roles = values['os-roles'] ?? environment['OS_ROLES'] ?? ''
  return {
    requestId: 'nova-policy',
    userId: values['os-user-id'] ?? environment['OS_USER_ID'] ?? '',
    projectId: values['os-tenant-id'] ?? environment['OS_TENANT_ID'] ?? null,
    roles: roles.split(',').filter((role) => role !== ''),
  }
}

/** Undefined: the user's own. */
async function targetOf(words: readonly string[], config: Config): Promise<Target | undefined> {
  if (words.length === 0) return undefined
  const target = Object.fromEntries(
    words.map((word) => {
      const [name = '', ...value] = word.split('=')
      if (!TARGETS.includes(name) || value.length === 0)
        throw new UsageError(`--target ${word}: NAME=VALUE with one of ${TARGETS.join(', ')} was expected`)
      return [name, value.join('=')]
    }),
  )
  const id = target['instance_id']
  return id === undefined ? target : ownerOf(id, config)
}

async function ownerOf(instanceId: string, config: Config): Promise<Target> {
  const db = openNovaDatabase(config)
  try {
    const { projectId, userId } = await getInstance(db.typed<NovaDb>(), instanceId)
    return { project_id: projectId, user_id: userId }
  } finally {
    await db.close()
  }
}
