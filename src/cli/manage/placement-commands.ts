/** `nova-manage placement …`: what Placement says is used, brought in line with the servers there are. */
import { allocationOf } from '#conductor/index.ts'
import { listComputeNodes } from '#db/compute-nodes.ts'
import type { Database } from '#db/kit/index.ts'
import { listUndeleted } from '#db/operation-subjects.ts'
import { findInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { isFault } from '#lib/fault.ts'
import type { Instance } from '#model/instance/index.ts'
import { messageOf } from '#lib/undo.ts'
import { auditProvider } from './audit.ts'
import { type Given, type Ground, isSet, type ManageCommand, text } from './command.ts'

const BATCH = 50
const BAD_INPUT = 127

/** Why healing cannot go on, and with which exit code. */
class Unhealable extends Error {
  override readonly name = 'Unhealable'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

interface HealOptions {
  readonly dryRun: boolean
  readonly force: boolean
  readonly output: (line: string) => void
}

const heal: ManageCommand = {
  help: 'make missing allocations of servers; 0: some were made, 4: none, 1: --max-count was reached',
  options: {
    'max-count': { type: 'string' },
    verbose: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    instance: { type: 'string' },
    'skip-port-allocations': { type: 'boolean' },
    cell: { type: 'string' },
    force: { type: 'boolean' },
  },
  async run(ground, given) {
    const refusal = misfit(given)
    if (refusal !== undefined) {
      ground.say(refusal)
      return BAD_INPUT
    }
    const output = isSet(given, 'verbose') ? ground.say : () => undefined
    const options = { dryRun: isSet(given, 'dry-run'), force: isSet(given, 'force'), output }
    try {
      const only = text(given, 'instance')
      return only === undefined
        ? await healMany(ground, options, text(given, 'max-count'))
        : await healOnly(ground, options, only)
    } catch (error) {
      if (!(error instanceof Unhealable)) throw error
      ground.say(error.message)
      return error.code
    }
  },
}

function misfit(given: Given): string | undefined {
  const count = text(given, 'max-count')
  if (text(given, 'instance') !== undefined)
    return text(given, 'cell') === undefined
      ? undefined
      : 'The --cell and --instance options are mutually exclusive.'
  if (isSet(given, 'force')) return 'The --instance flag is required when using --force flag.'
  if (count !== undefined && !/^\+?[1-9]\d*$/.test(count))
    return 'Must supply a positive integer for --max-count.'
  return undefined
}

async function healOnly(ground: Ground, options: HealOptions, uuid: string): Promise<number> {
  const instance = await findInstance(ground.database().typed<NovaDb>(), uuid)
  if (!instance) {
    ground.say(`Unable to find instance ${uuid}.`)
    return BAD_INPUT
  }
  const healed = await healOne(ground, options, instance)
  options.output(`Processed ${healed ? 1 : 0} instances.`)
  return healed ? 0 : 4
}

async function healMany(ground: Ground, options: HealOptions, maxCount: string | undefined): Promise<number> {
  const db = ground.database().typed<NovaDb>()
  const most = maxCount === undefined ? Number.POSITIVE_INFINITY : Number(maxCount)
  if (maxCount === undefined) options.output(`Running batches of ${BATCH} until complete`)
  let healed = 0
  for (let after = 0; ; ) {
    const batch = await listUndeleted(db, { after, limit: BATCH })
    if (batch.length > 0) options.output(`Found ${batch.length} candidate instances.`)
    for (const { id, uuid } of batch) {
      after = id
      const instance = await findInstance(db, uuid)
      if (!instance || !(await healOne(ground, options, instance))) continue
      healed += 1
      if (healed === most) {
        options.output(`Max count reached. Processed ${healed} instances.`)
        return 1
      }
    }
    if (batch.length < BATCH) break
  }
  options.output(`Processed ${healed} instances.`)
  return healed > 0 ? 0 : 4
}

/** Whether something was written. */
async function healOne(ground: Ground, options: HealOptions, instance: Instance): Promise<boolean> {
  const { output, force, dryRun } = options
  const { uuid, taskState, projectId, userId } = instance
  if (taskState !== null) {
    output(`Instance ${uuid} is undergoing a task state transition: ${taskState}`)
    return false
  }
  if (instance.host === null) {
    output(`Instance ${uuid} is not on a host.`)
    return false
  }
  const placement = ground.placement()
  const held = await asking(3, () => placement.holdingOf(uuid))
  const isBare = Object.keys(held.allocations).length === 0
  const isForeign = !isBare && (held.projectId !== projectId || held.userId !== userId)
  if (!isBare && !isForeign && !force) {
    output(`The allocation of instance ${uuid} is up-to-date. Nothing to be healed.`)
    return false
  }
  if (force) output(`Force flag passed for instance ${uuid}`)
  const node = isBare || force ? await nodeOf(ground.database(), instance) : undefined
  const allocations = node === undefined ? held.allocations : allocationOf(instance, node)
  const wanted = { allocations, projectId, userId, generation: held.generation }
  if (dryRun) {
    const verb = isBare ? 'Create' : 'Update'
    output(`[dry-run] ${verb} allocations for instance ${uuid}: ${JSON.stringify(wanted)}`)
    return false
  }
  if (!(await asking(3, () => placement.replace(uuid, wanted))))
    throw new Unhealable(3, `Failed to update allocations for consumer ${uuid}. Error: the host has no room.`)
  output(`Successfully ${isBare ? 'created' : 'updated'} allocations for instance ${uuid}.`)
  return true
}

/** The provider's uuid: the node's own. */
async function nodeOf(database: Database, { host, node }: Instance): Promise<string> {
  const nodes = await listComputeNodes(database.typed<NovaDb>(), { host: host ?? '' })
  const found = nodes.find(({ hypervisorHostname }) => hypervisorHostname === node) ?? nodes[0]
  if (!found) throw new Unhealable(2, `Compute host ${host} could not be found.`)
  return found.uuid
}

/** What Placement refuses, or its silence, ends the run with this code. */
async function asking<T>(code: number, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (isFault(error)) throw new Unhealable(code, messageOf(error))
    throw error
  }
}

const audit: ManageCommand = {
  help: 'find allocations that no server stands behind; 0: none, 3: some, 4: some, and --delete removed them',
  options: {
    verbose: { type: 'boolean' },
    resource_provider: { type: 'string' },
    delete: { type: 'boolean' },
  },
  async run(ground, given) {
    const only = text(given, 'resource_provider')
    const output = isSet(given, 'verbose') ? ground.say : () => undefined
    const remove = isSet(given, 'delete')
    const placement = ground.placement()
    const providers = await placement.providers(only)
    if (only !== undefined && providers.length === 0) {
      ground.say(`Resource provider with UUID ${only} does not exist.`)
      return BAD_INPUT
    }
    let found = 0
    for (const provider of providers) {
      const audited = await auditProvider(ground, provider, { remove, output })
      found += audited.found
      if (audited.failed === 0) continue
      ground.say(
        `The Resource Provider ${provider.uuid} had problems when deleting allocations. Stopping now. Please fix the problem by hand and run again.`,
      )
      return 1
    }
    if (found === 0) return 0
    output(`Processed ${found} ${found === 1 ? 'allocation.' : 'allocations.'}`)
    return remove ? 4 : 3
  },
}

export const PLACEMENT_COMMANDS: Readonly<Record<string, ManageCommand>> = {
  'placement heal_allocations': heal,
  'placement audit': audit,
}
