/** Where our request schemas differ from the published ones on purpose. docs/decisions/ tells of them at length. */

interface Explanation {
  readonly reason: string
  readonly routes: readonly string[]
  readonly explains: (body: unknown) => boolean
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}

const namesOddClass = (inventories: unknown): boolean =>
  Object.keys(fieldsOf(inventories)).some((name) => !/^[A-Z0-9_]+$/.test(name))

const EXPLANATIONS: readonly Explanation[] = [
  {
    reason:
      'a name that no resource class can have is refused by the schema; the real service lets it pass, finds no such class, and answers 400 too',
    routes: ['PUT /resource_providers/{uuid}/inventories', 'POST /reshaper'],
    explains: (body) => {
      const { inventories } = fieldsOf(body)
      return (
        namesOddClass(inventories) ||
        Object.values(fieldsOf(inventories)).some((each) => namesOddClass(fieldsOf(each)['inventories']))
      )
    },
  },
]

/** Why ours refuses or takes what the facts do not; undefined: nobody knows. */
export const explanationOf = (route: string, body: unknown): string | undefined =>
  EXPLANATIONS.find(({ routes, explains }) => routes.includes(route) && explains(body))?.reason
