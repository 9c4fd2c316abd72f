/** `/resource_providers/{uuid}/inventories`. */
import { badRequest, notFound } from '#lib/fault.ts'
import { operation } from '#lib/versioned/index.ts'
import {
  capacityOf,
  insertInventory,
  type Inventory,
  listInventories,
  removeInventory,
  replaceInventories,
  updateInventory,
} from '../db/inventories.ts'
import { getProvider, lockProvider } from '../db/providers.ts'
import type { PlacementTables } from '../db/tables.ts'
import { type Endpoint, endpoint, param, type Scope } from './endpoint.ts'
import { inventoriesWithGeneration, inventoryWithClass, inventoryWithGeneration } from './shapes.ts'

const MAX_INT = 2_147_483_647

/** An inventory as it is sent; what is missing has a default. */
export interface SentInventory {
  readonly total: number
  readonly reserved?: number | undefined
  readonly min_unit?: number | undefined
  readonly max_unit?: number | undefined
  readonly step_size?: number | undefined
  readonly allocation_ratio?: number | undefined
}

export const inventoryOf = (resourceClass: string, sent: SentInventory): Inventory => ({
  resourceClass,
  total: sent.total,
  reserved: sent.reserved ?? 0,
  minUnit: sent.min_unit ?? 1,
  maxUnit: sent.max_unit ?? MAX_INT,
  stepSize: sent.step_size ?? 1,
  allocationRatio: sent.allocation_ratio ?? 1,
})

interface Checked {
  readonly scope: Scope
  readonly params: Readonly<Record<string, string>>
  readonly behaviours: { readonly mayReserveAll: boolean }
}

/**
 * Refuses inventories that reserve too much, unless the provider is not there or has another generation:
 * then that is said. Throws `badRequest`, `notFound`, `conflict`.
 */
async function checkCapacities(
  call: Checked,
  generation: number | undefined,
  inventories: readonly Inventory[],
): Promise<void> {
  const { mayReserveAll } = call.behaviours
  const fits = (capacity: number) => capacity > 0 || (mayReserveAll && capacity === 0)
  const bad = inventories.find((inventory) => !fits(capacityOf(inventory)))
  if (!bad) return
  const uuid = param(call, 'uuid')
  await call.scope.database.transaction<PlacementTables, unknown>((trx) =>
    lockProvider(trx, uuid, generation),
  )
  const than = mayReserveAll ? 'greater than' : 'greater than or equal to'
  throw badRequest(
    `Unable to update inventory for resource provider ${uuid}: Invalid inventory for '${bad.resourceClass}' on resource provider '${uuid}'. The reserved value is ${than} total.`,
  )
}

const showInventory = (inventory: Inventory): Record<string, number> => ({
  total: inventory.total,
  reserved: inventory.reserved,
  min_unit: inventory.minUnit,
  max_unit: inventory.maxUnit,
  step_size: inventory.stepSize,
  allocation_ratio: inventory.allocationRatio,
})

const showInventories = (generation: number, inventories: readonly Inventory[]) => ({
  resource_provider_generation: generation,
  inventories: Object.fromEntries(inventories.map((each) => [each.resourceClass, showInventory(each)])),
})

const PATH = '/resource_providers/{uuid}/inventories'
const RULE = 'placement:resource_providers:inventories'
const behaviours = { mayReserveAll: '1.26..' } as const

const listSpec = operation({ path: `GET ${PATH}`, policy: `${RULE}:list` })
const createSpec = operation({
  path: `POST ${PATH}`,
  policy: `${RULE}:create`,
  status: 201,
  body: inventoryWithClass,
  behaviours,
})
const replaceSpec = operation({
  path: `PUT ${PATH}`,
  policy: `${RULE}:update`,
  body: inventoriesWithGeneration,
  behaviours,
})
const clearSpec = operation({
  path: `DELETE ${PATH}`,
  versions: '1.5..',
  policy: `${RULE}:delete`,
  status: 204,
})
const showSpec = operation({ path: `GET ${PATH}/{resource_class}`, policy: `${RULE}:show` })
const updateSpec = operation({
  path: `PUT ${PATH}/{resource_class}`,
  policy: `${RULE}:update`,
  body: inventoryWithGeneration,
  behaviours,
})
const removeSpec = operation({
  path: `DELETE ${PATH}/{resource_class}`,
  policy: `${RULE}:delete`,
  status: 204,
})

const singleEndpoints: readonly Endpoint[] = [
  endpoint(
    createSpec,
    async (call) => {
      const uuid = param(call, 'uuid')
      const inventory = inventoryOf(call.body.resource_class, call.body)
      await checkCapacities(call, undefined, [inventory])
      const generation = await call.write((trx, now) => insertInventory(trx, uuid, inventory, now))
      return {
        location: `/resource_providers/${uuid}/inventories/${inventory.resourceClass}`,
        body: { ...showInventory(inventory), resource_provider_generation: generation },
      }
    },
    { looksFirst: true },
  ),
  endpoint(showSpec, async (call) => {
    const provider = await getProvider(call.scope.db, param(call, 'uuid'))
    const resourceClass = param(call, 'resource_class')
    const inventories = await listInventories(call.scope.db, provider.id)
    const inventory = inventories.find((each) => each.resourceClass === resourceClass)
    if (!inventory) throw notFound(`No inventory of class ${resourceClass} for ${provider.uuid}`)
    return {
      body: { ...showInventory(inventory), resource_provider_generation: provider.generation },
      lastModified: inventory.updatedAt,
    }
  }),
  endpoint(
    updateSpec,
    async (call) => {
      const uuid = param(call, 'uuid')
      const inventory = inventoryOf(param(call, 'resource_class'), call.body)
      await checkCapacities(call, call.body.resource_provider_generation, [inventory])
      const generation = await call.write((trx, now) =>
        updateInventory(trx, uuid, call.body.resource_provider_generation, inventory, now),
      )
      return { body: { ...showInventory(inventory), resource_provider_generation: generation } }
    },
    { looksFirst: true },
  ),
  endpoint(removeSpec, async (call) => {
    await call.write((trx, now) =>
      removeInventory(trx, param(call, 'uuid'), param(call, 'resource_class'), now),
    )
    return {}
  }),
]

export const inventoryEndpoints: readonly Endpoint[] = [
  endpoint(listSpec, async (call) => {
    const provider = await getProvider(call.scope.db, param(call, 'uuid'))
    const inventories = await listInventories(call.scope.db, provider.id)
    return {
      body: showInventories(provider.generation, inventories),
      lastModified: inventories.length === 0 ? null : Math.max(...inventories.map((each) => each.updatedAt)),
    }
  }),
  endpoint(
    replaceSpec,
    async (call) => {
      const uuid = param(call, 'uuid')
      const inventories = Object.entries(call.body.inventories).map(([name, sent]) => inventoryOf(name, sent))
      await checkCapacities(call, call.body.resource_provider_generation, inventories)
      const generation = await call.write((trx, now) =>
        replaceInventories(trx, uuid, call.body.resource_provider_generation, inventories, now),
      )
      return {
        body: showInventories(generation, inventories),
        ...(inventories.length === 0 && { lastModified: null }),
      }
    },
    { looksFirst: true },
  ),
  endpoint(
    clearSpec,
    async (call) => {
      await call.write((trx, now) => replaceInventories(trx, param(call, 'uuid'), undefined, [], now))
      return {}
    },
    { absentAs: 'methodNotAllowed' },
  ),
  ...singleEndpoints,
]
