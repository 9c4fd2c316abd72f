/** What the doctor looks at, one thing a check, and what it finds: each trouble with the line that mends it. */
import type { Config } from '#config/index.ts'
import type { Database } from '#db/kit/index.ts'
import type { HttpClient } from '#lib/http/index.ts'

export type Finding =
  | { readonly state: 'ok' | 'skipped'; readonly says: string }
  /** `mend`: what to do, as a line to type or to write. */
  | { readonly state: 'warning' | 'failed'; readonly says: string; readonly mend: string }

export interface Patient {
  readonly config: Config
  readonly warnings: readonly string[]
  /** Undefined where none is configured. */
  readonly database: Database | undefined
  readonly http: HttpClient
  /** Where programs are looked for. */
  readonly path: string
  /** Milliseconds since the epoch. */
  now(): number
}

export interface Check {
  readonly name: string
  /** What it throws is a failure too, mended by `mend`, unless `mendOf` knows better. */
  readonly mend: string
  mendOf?(error: unknown): string | undefined
  run(patient: Patient): Promise<readonly Finding[]>
}

export const ok = (says: string): Finding => ({ state: 'ok', says })
export const skipped = (says: string): Finding => ({ state: 'skipped', says })
export const warning = (says: string, mend: string): Finding => ({ state: 'warning', says, mend })
export const failed = (says: string, mend: string): Finding => ({ state: 'failed', says, mend })

export const isSimulated = ({ DEFAULT }: Config): boolean =>
  /fake|simulated/i.test(DEFAULT.compute_driver ?? '')
