/** Numbers that operators write as text, in metadata of aggregates: read as Nova reads them, and never half. */

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const INTEGER = /^[+-]?\d+$/

/** Undefined when the text is no number. */
export const decimalOf = (text: string): number | undefined =>
  DECIMAL.test(text.trim()) ? Number(text) : undefined

/** Undefined when the text is no whole number. */
export const integerOf = (text: string): number | undefined =>
  INTEGER.test(text.trim()) ? Number(text) : undefined
