/** Tells the conductor at once when a guest changes its power state by itself. */
import type { GuestEvent } from '#virt/port.ts'
import type { World } from './world.ts'

export interface PowerNews {
  hear(event: GuestEvent): void
  /** From now on power states are no news: all guests are being stopped. */
  silence(): void
  /** Whether something could not be told since the last question. */
  takeMissed(): boolean
}

export function createPowerNews(world: World, isBusy: (instanceUuid: string) => boolean): PowerNews {
  const { conductor, host, ids, log } = world
  let isSilent = false
  let missed = false
  return {
    hear({ uuid, powerState }) {
      if (isSilent) return
      // The conductor hears no power state while a command is at work: the two are compared afterwards.
      if (isBusy(uuid)) {
        missed = true
        return
      }
      log.info({ instance: uuid, power_state: powerState }, 'a guest changed its power state')
      const report = { host, instanceUuid: uuid, powerState }
      conductor.powerStateChanged.call(report, ids.requestId()).catch((error: unknown) => {
        missed = true
        log.warn({ err: error, instance: uuid }, 'the conductor was not told: a comparison will')
      })
    },
    silence() {
      isSilent = true
    },
    takeMissed() {
      const was = missed
      missed = false
      return was
    },
  }
}
