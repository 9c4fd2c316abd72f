/** The API at one microversion as an OpenAPI 3.1 document, made of the operations that serve it. */
import {
  formatVersion,
  includes,
  type JsonSchema,
  type Operation,
  type Version,
} from '#lib/versioned/index.ts'
import { answerSchema, isEmpty, pathOf, schemasNamed } from './answers.ts'

const FAULT = {
  description: 'A fault: the name of its kind, with its code and a message.',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          properties: { code: { type: 'integer' }, message: { type: 'string' } },
        },
      },
    },
  },
}

/** The document of a microversion; where it is served is for others to say. */
export function openApiAt(operations: readonly Operation[], version: Version): object {
  const there = operations.filter(
    (operation) => includes(operation.range, version) && operation.statusAt(version) < 400,
  )
  const paths = [...Map.groupBy(there, ({ path }) => pathOf(path)).values()].map((some) => {
    const path = some[0]?.path ?? '/'
    const methods = Map.groupBy(some, ({ method }) => method.toLowerCase())
    return [
      path,
      {
        parameters: parametersOf(path),
        ...Object.fromEntries([...methods].map(([method, own]) => [method, methodOf(own, version)])),
      },
    ] as const
  })
  const used = there.flatMap((operation) => answerSchema(operation, version) ?? [])
  return {
    openapi: '3.1.0',
    info: {
      title: 'Compute',
      version: formatVersion(version),
      description: `The compute API at microversion ${formatVersion(version)}, asked for by the header \`OpenStack-API-Version: compute ${formatVersion(version)}\`.`,
    },
    security: [{ token: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } },
      parameters: {
        version: {
          name: 'OpenStack-API-Version',
          in: 'header',
          schema: { const: `compute ${formatVersion(version)}` },
        },
      },
      responses: { fault: FAULT },
      schemas: schemasNamed(used),
    },
  }
}

const parametersOf = (path: string): readonly object[] => [
  { $ref: '#/components/parameters/version' },
  ...[...path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  })),
]

/** One operation, or all actions of a path. */
function methodOf(operations: readonly Operation[], version: Version): object {
  const [first] = operations
  const bodies = operations.flatMap((operation) => bodyOf(operation, version) ?? [])
  const parameters = operations.flatMap((operation) => queryOf(operation, version))
  return {
    operationId: idOf(operations),
    ...(first?.policy !== undefined && operations.length === 1 && { 'x-policy': first.policy }),
    ...(first?.action !== undefined && {
      'x-actions': operations.map(({ action, policy }) => ({
        action,
        ...(policy !== undefined && { policy }),
      })),
    }),
    ...(parameters.length > 0 && { parameters }),
    ...(bodies.length > 0 && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: bodies.length === 1 ? bodies[0] : { oneOf: bodies } } },
      },
    }),
    responses: { ...successes(operations, version), default: { $ref: '#/components/responses/fault' } },
  }
}

const idOf = (operations: readonly Operation[]): string => {
  const [first] = operations
  const words = (first?.path ?? '').split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  return [first?.method.toLowerCase(), ...words].join('_')
}

function bodyOf(operation: Operation, version: Version): JsonSchema | undefined {
  const { action } = operation
  const schema = operation.bodySchemaAt(version)
  if (schema !== undefined || action === undefined) return schema
  return { type: 'object', properties: { [action]: {} }, required: [action], additionalProperties: false }
}

/** A query's values are lists; most are of one. */
function queryOf(operation: Operation, version: Version): readonly object[] {
  const properties = operation.querySchemaAt(version)?.properties ?? {}
  return Object.entries(properties).map(([name, { items = {}, maxItems }]) => ({
    name,
    in: 'query',
    schema: maxItems === 1 ? items : { type: 'array', items },
    ...(maxItems !== 1 && { explode: true }),
  }))
}

function successes(operations: readonly Operation[], version: Version): Readonly<Record<string, object>> {
  const byStatus = Map.groupBy(operations, (operation) => operation.statusAt(version))
  return Object.fromEntries(
    [...byStatus].map(([status, some]) => {
      const names = [...new Set(some.flatMap((operation) => answerSchema(operation, version) ?? []))]
      const schemas = names
        .filter((name) => !isEmpty(name))
        .map((name) => ({ $ref: `#/components/schemas/${name}` }))
      return [
        String(status),
        {
          description: 'Done, or begun.',
          ...(schemas.length > 0 && {
            content: {
              'application/json': { schema: schemas.length === 1 ? schemas[0] : { anyOf: schemas } },
            },
          }),
        },
      ]
    }),
  )
}
