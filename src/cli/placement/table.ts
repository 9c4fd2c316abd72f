/** Tables drawn as operators' tools draw them. */

/** Cells may have several lines; every row is ruled off when `ruled`. */
export function drawTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { ruled = false }: { ruled?: boolean } = {},
): string {
  const linesOf = (cell: string): string[] => cell.split('\n')
  const widths = head.map((name, column) =>
    Math.max(...[name, ...rows.flatMap((row) => linesOf(row[column] ?? ''))].map((line) => line.length)),
  )
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`
  const draw = (row: readonly string[]): string[] => {
    const height = Math.max(...row.map((cell) => linesOf(cell).length))
    return Array.from({ length: height }, (_, line) => {
      const cells = widths.map((width, column) => (linesOf(row[column] ?? '')[line] ?? '').padEnd(width))
      return `| ${cells.join(' | ')} |`
    })
  }
  const body = rows.flatMap((row) => [...draw(row), ...(ruled ? [rule] : [])])
  return [rule, ...draw(head), rule, ...body, ...(ruled && rows.length > 0 ? [] : [rule])].join('\n')
}

/** Words broken into lines of at most `width`; those after the first begin with two spaces. */
export function wrap(text: string, width: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = `  ${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
