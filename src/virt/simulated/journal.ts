/**
 * What simulated guests there are, in a file that outlives the process: a line for each change, read back and
 * compacted at the next start. A last line cut short by a crash is left out.
 */
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Flavor } from '#model/flavor/index.ts'
import type { Image } from '#model/image/index.ts'
import type { PowerState } from '#model/instance/index.ts'

export interface SimulatedGuest {
  readonly uuid: string
  readonly name: string
  readonly flavor: Flavor
  readonly image: Image | null
  readonly powerState: PowerState
  readonly madeBy?: string
}

type Entry = { readonly guest: SimulatedGuest } | { readonly gone: string }

export interface Journal {
  /** The guests as they were left. */
  load(): readonly SimulatedGuest[]
  write(entry: Entry): void
  close(): void
}

function replay(text: string): Map<string, SimulatedGuest> {
  const guests = new Map<string, SimulatedGuest>()
  for (const line of text.split('\n').slice(0, -1)) {
    const entry = JSON.parse(line) as Entry
    if ('guest' in entry) guests.set(entry.guest.uuid, entry.guest)
    else guests.delete(entry.gone)
  }
  return guests
}

export function openJournal(path: string): Journal {
  let file: number | undefined
  const read = () => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
      throw error
    }
  }
  return {
    load() {
      mkdirSync(dirname(path), { recursive: true })
      const guests = [...replay(read()).values()]
      writeFileSync(`${path}.new`, guests.map((guest) => `${JSON.stringify({ guest })}\n`).join(''))
      renameSync(`${path}.new`, path)
      file = openSync(path, 'a')
      return guests
    },
    write(entry) {
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`)
    },
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}
