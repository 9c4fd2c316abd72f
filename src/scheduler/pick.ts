/** The order in which weighed hosts are tried. */

/** A number in [0, 1). */
export type Random = () => number

/**
 * Best first. Hosts of equal weight come in random order, so that schedulers working side by side do not
 * all want the same one; and the first is drawn from the best `subsetSize`.
 */
export function orderByWeight<T>(weights: ReadonlyMap<T, number>, subsetSize: number, random: Random): T[] {
  const order = [...weights]
    .map(([item, weight]) => ({ item, weight, tie: random() }))
    .sort((a, b) => b.weight - a.weight || a.tie - b.tie)
    .map(({ item }) => item)
  const drawn = Math.floor(random() * Math.min(subsetSize, order.length))
  const [first] = order.splice(drawn, 1)
  return first === undefined ? order : [first, ...order]
}
