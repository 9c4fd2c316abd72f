/**
 * What a process did and how it is, in plain numbers: counting costs a look-up and an addition, and the text that
 * Prometheus reads is made only when it is asked for (docs/decisions: metrics without a library).
 */

/** Values in the order of the metric's label names. */
export type LabelValues = readonly (string | number)[]

export interface Counter {
  add(labels: LabelValues, by?: number): void
}

export interface Histogram {
  /** `value` in the metric's unit: seconds, where its name ends so. */
  observe(labels: LabelValues, value: number): void
}

export interface Metrics {
  /** Asked for twice under one name, it is one counter. Names end in `_total`. */
  counter(name: string, help: string, labels?: readonly string[]): Counter
  histogram(name: string, help: string, labels?: readonly string[], buckets?: readonly number[]): Histogram
  /** `read` is called when somebody scrapes: it must be quick, and yields nothing where there is nothing to tell. */
  gauge(name: string, help: string, labels: readonly string[], read: () => readonly Reading[]): void
  /** As `gauge`, of a number that only grows and is counted elsewhere. */
  total(name: string, help: string, labels: readonly string[], read: () => readonly Reading[]): void
  /** Everything, as it is now. */
  families(): Family[]
}

export interface Reading {
  readonly labels: LabelValues
  readonly value: number
}

/** One metric as it is told: plain data, to be sent between processes. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  /** `_bucket`, `_sum`, `_count` of a histogram; else empty. */
  readonly suffix: string
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly value: number
}

/** Seconds; from a read out of memory to a build that takes minutes. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** More series of one metric are a mistake (or an attack): they are counted together. */
const MAX_SERIES = 5_000
const OTHER = 'other'

interface Metric {
  readonly family: Omit<Family, 'samples'>
  samples(): Sample[]
}

/** Separates what no label holds. */
const SEPARATOR = '\u0000'

/** The state of each combination of labels, made when it is first met. */
function seriesOf<S>(make: () => S): { at(labels: LabelValues): S; all(): Iterable<[string[], S]> } {
  const series = new Map<string, S>()
  return {
    at(labels) {
      let key = labels.length === 1 ? String(labels[0]) : labels.join(SEPARATOR)
      let state = series.get(key)
      if (state !== undefined) return state
      if (series.size >= MAX_SERIES) key = labels.map(() => OTHER).join(SEPARATOR)
      state = series.get(key) ?? make()
      series.set(key, state)
      return state
    },
    *all() {
      for (const [key, state] of series) yield [key.split(SEPARATOR), state]
    },
  }
}

const paired = (names: readonly string[], values: LabelValues): [string, string][] =>
  names.map((name, n) => [name, String(values[n] ?? '')])

function counterOf(labelNames: readonly string[]): Counter & { samples(): Sample[] } {
  const series = seriesOf(() => ({ value: 0 }))
  return {
    add(labels, by = 1) {
      series.at(labels).value += by
    },
    samples: () =>
      Array.from(series.all(), ([labels, { value }]) => ({
        suffix: '',
        labels: paired(labelNames, labels),
        value,
      })),
  }
}

function histogramOf(
  labelNames: readonly string[],
  buckets: readonly number[],
): Histogram & { samples(): Sample[] } {
  const series = seriesOf(() => ({ sum: 0, counts: new Float64Array(buckets.length + 1) }))
  return {
    observe(labels, value) {
      const state = series.at(labels)
      let n = 0
      while (n < buckets.length && value > (buckets[n] ?? 0)) n += 1
      state.counts[n] = (state.counts[n] ?? 0) + 1
      state.sum += value
    },
    samples: () =>
      [...series.all()].flatMap(([labels, { sum, counts }]) => {
        const own = paired(labelNames, labels)
        let seen = 0
        const bounds = [...buckets.map(String), '+Inf']
        const steps = bounds.map((bound, n): Sample => {
          seen += counts[n] ?? 0
          return { suffix: '_bucket', labels: [...own, ['le', bound]], value: seen }
        })
        return [
          ...steps,
          { suffix: '_sum', labels: own, value: sum },
          { suffix: '_count', labels: own, value: seen },
        ]
      }),
  }
}

export function createMetrics(): Metrics {
  const metrics = new Map<string, Metric>()
  const once = <M extends Pick<Metric, 'samples'>>(family: Metric['family'], make: () => M): M => {
    const known = metrics.get(family.name) as (Metric & { readonly made: M }) | undefined
    if (known) return known.made
    const made = make()
    const metric = { family, made, samples: () => made.samples() }
    metrics.set(family.name, metric)
    return made
  }
  const readWhenAsked =
    (type: 'gauge' | 'counter'): Metrics['gauge'] =>
    (name, help, labelNames, read) => {
      const all = once({ name, type, help }, () => readings(labelNames))
      all.add(read)
    }
  return {
    counter: (name, help, labels = []) => once({ name, type: 'counter', help }, () => counterOf(labels)),
    histogram: (name, help, labels = [], buckets = SECONDS) =>
      once({ name, type: 'histogram', help }, () => histogramOf(labels, buckets)),
    gauge: readWhenAsked('gauge'),
    total: readWhenAsked('counter'),
    families: () =>
      Array.from(metrics.values(), ({ family, samples }) => ({ ...family, samples: samples() })),
  }
}

/** What is read when it is asked for; several parts of a process may tell of one metric, each with labels of its own. */
function readings(labelNames: readonly string[]) {
  const sources: (() => readonly Reading[])[] = []
  return {
    add: (read: () => readonly Reading[]) => void sources.push(read),
    samples: (): Sample[] =>
      sources
        .flatMap((read) => read())
        .map(({ labels, value }) => ({ suffix: '', labels: paired(labelNames, labels), value })),
  }
}

/** The families of several processes as one: each one's samples told apart by a label. */
export function mergeFamilies(label: string, parts: ReadonlyMap<string, readonly Family[]>): Family[] {
  const merged = new Map<string, Family & { samples: Sample[] }>()
  for (const [value, families] of parts)
    for (const { samples, ...family } of families) {
      const into = merged.get(family.name) ?? { ...family, samples: [] }
      merged.set(family.name, into)
      for (const sample of samples)
        into.samples.push({ ...sample, labels: [[label, value], ...sample.labels] })
    }
  return [...merged.values()]
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Prometheus' text form, version 0.0.4. */
export function renderMetrics(families: readonly Family[]): string {
  const lines: string[] = []
  for (const { name, type, help, samples } of families) {
    lines.push(
      `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${name} ${type}`,
    )
    for (const { suffix, labels, value } of samples) {
      const inner = labels.map(([label, text]) => `${label}="${escaped(text)}"`).join(',')
      lines.push(`${name}${suffix}${inner === '' ? '' : `{${inner}}`} ${value}`)
    }
  }
  return `${lines.join('\n')}\n`
}
