/** oslo.policy's language, read into a tree: `and`, `or`, `not`, parentheses, `@`, `!`, `role:`, `rule:`, `kind:match`. */

export type Check =
  | { readonly type: 'true' }
  | { readonly type: 'false' }
  | { readonly type: 'not'; readonly check: Check }
  | { readonly type: 'and'; readonly checks: readonly Check[] }
  | { readonly type: 'or'; readonly checks: readonly Check[] }
  | { readonly type: 'rule'; readonly name: string }
  | { readonly type: 'role'; readonly match: string }
  | { readonly type: 'generic'; readonly kind: string; readonly match: string }

/** A check string that is no check string; the message says where it went wrong. */
export class PolicySyntaxError extends Error {
  override readonly name = 'PolicySyntaxError'
}

/** Reads a check as it stands in a file: a string, or the old form, a list (or) of lists (and). */
export function parseCheck(source: unknown): Check {
  if (typeof source === 'string') return source.trim() === '' ? { type: 'true' } : parseText(source)
  if (!Array.isArray(source)) throw new PolicySyntaxError('a check is a string or a list')
  if (source.length === 0) return { type: 'true' }
  const choices = (source as unknown[]).map((inner): Check => {
    const checks = (Array.isArray(inner) ? (inner as unknown[]) : [inner]).map((each) => {
      if (typeof each !== 'string') throw new PolicySyntaxError('a list form check holds strings')
      return parseAtom(each)
    })
    return join('and', checks)
  })
  return join('or', choices)
}

/** Splits as oslo.policy does: on white space, then parentheses off either end of a word. */
function tokenize(text: string): string[] {
  const tokens: string[] = []
  for (const word of text.split(/\s+/)) {
    const opening = /^\(*/.exec(word)?.[0].length ?? 0
    tokens.push(...Array<string>(opening).fill('('))
    const rest = word.slice(opening)
    // `%(project_id)s` ends in no parenthesis of its own; anything closing at the end closes a group.
    const closing = /\)*$/.exec(rest)?.[0].length ?? 0
    const atom = rest.slice(0, rest.length - closing)
    if (atom !== '') tokens.push(atom)
    tokens.push(...Array<string>(closing).fill(')'))
  }
  return tokens
}

const MAX_DEPTH = 64

function parseText(text: string): Check {
  const tokens = tokenize(text)
  let position = 0
  let depth = 0
  const word = (): string => (tokens[position] ?? '').toLowerCase()

  const many = (type: 'and' | 'or', one: () => Check): Check => {
    const checks = [one()]
    while (word() === type) {
      position += 1
      checks.push(one())
    }
    return join(type, checks)
  }
  const either = (): Check => many('or', both)
  const both = (): Check => many('and', single)
  const single = (): Check => {
    const token = tokens[position]
    if (token === undefined) throw new PolicySyntaxError('a check is missing at the end')
    position += 1
    if (depth > MAX_DEPTH) throw new PolicySyntaxError('the check is nested too deeply')
    if (token.toLowerCase() === 'not') {
      depth += 1
      const check = single()
      depth -= 1
      return { type: 'not', check }
    }
    if (token === '(') return group()
    if (token === ')' || ['and', 'or'].includes(token.toLowerCase()))
      throw new PolicySyntaxError(`a check is missing before '${token}'`)
    return parseAtom(token)
  }
  const group = (): Check => {
    depth += 1
    const inner = either()
    depth -= 1
    if (tokens[position] !== ')') throw new PolicySyntaxError("a '(' is never closed")
    position += 1
    return inner
  }

  const check = either()
  const left = tokens[position]
  if (left !== undefined)
    throw new PolicySyntaxError(`'${left}' was not expected there: 'and' or 'or' is missing`)
  return check
}

const join = (type: 'and' | 'or', checks: readonly Check[]): Check =>
  checks.length === 1 && checks[0] ? checks[0] : { type, checks }

function parseAtom(text: string): Check {
  if (text === '@') return { type: 'true' }
  if (text === '!') return { type: 'false' }
  const colon = text.indexOf(':')
  if (colon <= 0) throw new PolicySyntaxError(`'${text}' is no check: it has no kind before a colon`)
  const kind = text.slice(0, colon)
  const match = text.slice(colon + 1)
  if (kind === 'http' || kind === 'https')
    throw new PolicySyntaxError(`'${text}': checks by HTTP are not supported`)
  if (kind === 'rule') return { type: 'rule', name: match }
  if (kind === 'role') return { type: 'role', match }
  return { type: 'generic', kind, match }
}
