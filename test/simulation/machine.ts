/** A host: its disk remembers guests whatever becomes of the compute that runs on it. */
import { POWER_STATES } from '#model/instance/index.ts'
import type { createSimulatedDriver } from '#virt/simulated/index.ts'
import type { Life } from './life.ts'

type Journal = NonNullable<Parameters<typeof createSimulatedDriver>[0]['journal']>
type SimulatedGuest = ReturnType<Journal['load']>[number]

export interface Machine {
  readonly name: string
  readonly guests: ReadonlyMap<string, SimulatedGuest>
  /** The journal of a driver that lives in `life`. */
  journal(life: Life): Journal
  /** Every guest that ran is off. */
  losePower(): void
}

export function createMachine(name: string, tell: (line: string) => void): Machine {
  const guests = new Map<string, SimulatedGuest>()
  return {
    name,
    guests,
    journal: (life) => ({
      load: () => [...guests.values()],
      write(entry) {
        if (!life.cross()) return
        if ('guest' in entry) guests.set(entry.guest.uuid, entry.guest)
        else guests.delete(entry.gone)
        tell(
          'guest' in entry
            ? `${name}: guest ${entry.guest.uuid} is in power state ${entry.guest.powerState}`
            : `${name}: guest ${entry.gone} is gone`,
        )
      },
      close() {},
    }),
    losePower() {
      for (const guest of guests.values())
        guests.set(guest.uuid, { ...guest, powerState: POWER_STATES.shutdown })
    },
  }
}
