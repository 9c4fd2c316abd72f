/** Options that list Nova's classes: all of a kind by one name, or single ones by their Python paths, of which the last word is ours. */

/** The names that are listed, of those that are known; and what is listed and unknown, as it is written. */
export function namesOfClasses(
  listed: readonly string[],
  all: string,
  known: ReadonlyMap<string, unknown>,
): { readonly names: ReadonlySet<string>; readonly unknown: readonly string[] } {
  const names = new Set<string>()
  const unknown: string[] = []
  for (const path of listed) {
    const name = path.slice(path.lastIndexOf('.') + 1)
    if (path === all) for (const each of known.keys()) names.add(each)
    else if (known.has(name)) names.add(name)
    else unknown.push(path)
  }
  return { names, unknown }
}
