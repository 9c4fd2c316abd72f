/** Columns that grow: typed arrays doubled when they are full, so that a row costs its bytes and no object. */

type Column = Int32Array | Float64Array

/** The column, or a longer one with the same values, so that `index` is within it. */
export function roomFor<C extends Column>(column: C, index: number): C {
  if (index < column.length) return column
  const longer = new (column.constructor as new (length: number) => C)(
    Math.max(16, index + 1, column.length * 2),
  )
  longer.set(column)
  return longer
}

export const NONE = -1
