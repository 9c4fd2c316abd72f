/** The operators that the value of an extra spec may begin with: `>= 4`, `s== x86_64`, `<or> a <or> b`. */

const numeric =
  (compare: (a: number, b: number) => boolean) =>
  (value: string, [wanted = '']: readonly string[]): boolean => {
    const [a, b] = [Number(value), Number(wanted)]
    return !Number.isNaN(a) && !Number.isNaN(b) && compare(a, b)
  }

const textual =
  (compare: (a: string, b: string) => boolean) =>
  (value: string, [wanted = '']: readonly string[]): boolean =>
    compare(value, wanted)

const words = (operator: string, rest: readonly string[]): readonly string[] =>
  rest.filter((word) => word !== operator)

const OPERATORS: Readonly<Record<string, (value: string, rest: readonly string[]) => boolean>> = {
  // Nova's '=' has always meant "at least".
  '=': numeric((a, b) => a >= b),
  '==': numeric((a, b) => a === b),
  '!=': numeric((a, b) => a !== b),
  '>=': numeric((a, b) => a >= b),
  '<=': numeric((a, b) => a <= b),
  's==': textual((a, b) => a === b),
  's!=': textual((a, b) => a !== b),
  's<': textual((a, b) => a < b),
  's<=': textual((a, b) => a <= b),
  's>': textual((a, b) => a > b),
  's>=': textual((a, b) => a >= b),
  '<in>': (value, rest) => value.includes(rest[0] ?? ''),
  '<all-in>': (value, rest) => rest.every((word) => value.includes(word)),
  '<or>': (value, rest) => words('<or>', rest).includes(value),
}

/** Whether a host's value is what an extra spec wants. Without an operator it must be the same text. */
export function matchesSpec(value: string, wanted: string): boolean {
  const [first = '', ...rest] = wanted.trim().split(/\s+/)
  const operator = Object.hasOwn(OPERATORS, first) ? OPERATORS[first] : undefined
  if (!operator) return value === wanted
  return rest.length > 0 && operator(value, rest)
}
