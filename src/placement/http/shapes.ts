/** Shapes that several of Placement's bodies and queries are made of. */
import { constant, type JsonSchema, object, type Piece, required, t } from '#lib/versioned/index.ts'

const MAX_INT = 2_147_483_647

export const CUSTOM_NAME: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^CUSTOM_[A-Z0-9_]+$',
}

export const integer = (limits: Pick<JsonSchema, 'minimum' | 'maximum'> = {}): Piece<number> =>
  constant({ type: 'integer', ...limits })

/** An object with keys of one kind and values of one shape, which may differ by version. */
export const mapOf = <T>(
  keys: string,
  value: Piece<T>,
  limits: { minProperties?: number } = {},
): Piece<Readonly<Record<string, T>>> => ({
  kind: 'piece',
  edges: value.edges,
  schemaAt: (version) => ({
    type: 'object',
    patternProperties: { [keys]: value.schemaAt(version) },
    additionalProperties: false,
    ...limits,
  }),
})

export const RESOURCE_CLASS = '^[A-Z0-9_]+$'
export const UUID_KEY = '^[0-9a-fA-F-]{36}$'

/** Resource class → amount. */
export const amounts = mapOf(RESOURCE_CLASS, integer({ minimum: 1 }), { minProperties: 1 })

const inventoryFields = {
  resource_provider_generation: integer(),
  total: required(integer({ maximum: MAX_INT, minimum: 1 })),
  reserved: integer({ maximum: MAX_INT, minimum: 0 }),
  min_unit: integer({ maximum: MAX_INT, minimum: 1 }),
  max_unit: integer({ maximum: MAX_INT, minimum: 1 }),
  step_size: integer({ maximum: MAX_INT, minimum: 1 }),
  allocation_ratio: constant<number>({ type: 'number', maximum: 3.40282e38 }),
}

/** One inventory among several, whose generation stands beside them. */
export const inventoryRecord = object(inventoryFields)
export const inventoryWithGeneration = object({
  ...inventoryFields,
  resource_provider_generation: required(integer()),
})
export const inventoryWithClass = object({
  ...inventoryFields,
  resource_class: required(t.string({ pattern: RESOURCE_CLASS })),
})

export const inventoriesWithGeneration = object({
  resource_provider_generation: required(integer()),
  inventories: required(mapOf(RESOURCE_CLASS, inventoryRecord)),
})

export const nullableUuid = constant<string | null>({
  anyOf: [{ type: 'string', format: 'uuid' }, { type: 'null' }],
})

export const owner = t.string({ minLength: 1, maxLength: 255 })
