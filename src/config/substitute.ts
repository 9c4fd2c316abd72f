/** `$option`, `${option}` and `${group.option}` in values; `$$` and `\$` are a dollar sign. */

const REFERENCE = /\$\$|\\\$|\$(?:\{([a-z_][\w.]*)\}|([a-z_]\w*(?:\.[a-z_]\w*)*))/gi

/**
 * Replaces every reference in `text`. `resolve` yields the referred option's text, or undefined for what is no
 * option: that is left as it stands (a password may hold a dollar sign), and `unknown` hears of it.
 */
export function substitute(
  text: string,
  resolve: (name: string) => string | undefined,
  unknown: (name: string) => void,
): string {
  if (!text.includes('$')) return text
  return text.replace(REFERENCE, (whole, braced: string | undefined, bare: string | undefined) => {
    if (whole === '$$' || whole === '\\$') return '$'
    const name = braced ?? bare ?? ''
    const value = resolve(name)
    if (value === undefined) unknown(name)
    return value ?? whole
  })
}
