/** Patterns as JSON Schema wants them: for Unicode, where a sign may be escaped only if it means something. */

const NEEDLESS = /\\([^\w\s^$.*+?()[\]{}|\\/-])/g

const unicodePattern = (pattern: string): string =>
  isUnicode(pattern) ? pattern : pattern.replaceAll(NEEDLESS, '$1')

function isUnicode(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').unicode
  } catch {
    return false
  }
}

/** The same document, with all patterns in schemas written so. */
export const withUnicodePatterns = (document: object): object =>
  JSON.parse(JSON.stringify(document), (key, value: unknown) => {
    if (key === 'pattern' && typeof value === 'string') return unicodePattern(value)
    if (key !== 'patternProperties' || typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, schema]) => [unicodePattern(name), schema]))
  }) as object
