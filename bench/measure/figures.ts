/** What a bench found, with the day and the machine it is from: said as it comes, and kept in bench/results. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'

const RESULTS = join(import.meta.dirname, '../results')

export interface Figures {
  /** Remembers a figure without a word. */
  keep(name: string, value: unknown): void
  /** Remembers a figure and prints it. */
  report(name: string, value: unknown): void
  /** Writes all of them to the bench's file. */
  write(): void
}

/** The figures of the bench of this name. */
export function figuresOf(bench: string): Figures {
  const figures: Record<string, unknown> = {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    },
  }
  const keep = (name: string, value: unknown): void => {
    figures[name] = value
  }
  return {
    keep,
    report: (name, value) => {
      keep(name, value)
      console.log(`${name}: ${JSON.stringify(value)}`)
    },
    write: () => {
      mkdirSync(RESULTS, { recursive: true })
      writeFileSync(join(RESULTS, `${bench}.json`), `${JSON.stringify(figures, undefined, 2)}\n`)
      console.log(`written to bench/results/${bench}.json`)
    },
  }
}
