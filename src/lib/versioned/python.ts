/** Values as Python writes them: Nova's error messages quote what was sent in this form. */

const MAX_DEPTH = 100
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Python's `repr` of a JSON value. What is nested deeper than 100 levels is shown as `...`. */
export function repr(value: unknown, depth = 0): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (typeof value === 'string') return reprString(value)
  if (typeof value === 'number') return String(value)
  if (depth >= MAX_DEPTH) return '...'
  if (Array.isArray(value)) return `[${value.map((item) => repr(item, depth + 1)).join(', ')}]`
  const entries = Object.entries(value).map(([key, item]) => `${reprString(key)}: ${repr(item, depth + 1)}`)
  return `{${entries.join(', ')}}`
}

function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let out = ''
  for (const char of text) {
    if (char === quote) out += `\\${char}`
    else if (ESCAPES[char] !== undefined) out += ESCAPES[char]
    else out += /[\p{C}\p{Zl}\p{Zp}]/u.test(char) ? escaped(char) : char
  }
  return quote + out + quote
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, '0')}`
  return `\\U${code.toString(16).padStart(8, '0')}`
}

/** Python's `str`: a string as it is, everything else as `repr`. */
export const str = (value: unknown): string => (typeof value === 'string' ? value : repr(value))
