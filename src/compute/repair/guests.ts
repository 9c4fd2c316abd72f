/**
 * Compares the guests that are here with what the conductor expects:
 * - a guest that the conductor says is deleted, or somewhere else, is destroyed (`running_deleted_instance_action`);
 * - a guest whose server was evacuated is stopped, and neither started nor destroyed as long as its server is;
 * - a guest that the conductor never heard of is left alone and logged, once;
 * - a power state that changed unseen, or is not what the server's state wants, is told;
 * - after a start, guests that should run and do not are asked to be started again (`resume_guests_state_on_host_boot`).
 */
import type { ExpectedGuest } from '#contracts/conductor.ts'
import { POWER_STATES, type PowerState } from '#model/instance/index.ts'
import { computeCounts } from '../measure.ts'
import type { World } from '../world.ts'

export interface GuestRepair {
  /** `afterStart`: the first comparison since the service came up. */
  run(options: { readonly afterStart: boolean }): Promise<void>
}

/**
 * As believed, and as its server's state wants it: one that is told and could not be acted upon (a stop that
 * failed) is told again.
 */
function isAsExpected({ vmState, powerState: believed }: ExpectedGuest, powerState: PowerState): boolean {
  const mustRun: Readonly<Record<string, boolean>> = { active: true, stopped: false }
  const runs = powerState === POWER_STATES.running
  return powerState === believed && runs === (mustRun[vmState] ?? runs)
}

const DELETED = { reap: 'destroyed', shutdown: 'stopped', log: 'left' } as const

type Power = ReadonlyMap<string, PowerState>

export function createGuestRepair(world: World, isBusy: (instanceUuid: string) => boolean): GuestRepair {
  const { driver, conductor, host, ids, log, config } = world
  const counts = computeCounts(world.metrics)
  const strangers = new Set<string>()

  const destroyDeleted = async (expected: readonly ExpectedGuest[], power: Power) => {
    const { deletedGuestAction: action } = config
    for (const { uuid } of expected.filter((guest) => guest.deleted && power.has(guest.uuid))) {
      if (action === 'noop') return
      log.warn({ instance: uuid, action }, 'a deleted guest lingers here')
      if (action === 'reap') await driver.destroy(uuid, [])
      if (action === 'shutdown' && power.get(uuid) !== POWER_STATES.shutdown) await driver.powerOff(uuid, 0)
      counts.guest(DELETED[action])
    }
  }
  /** Its server runs elsewhere, with the same addresses: at once, and not asked. */
  const stopQuarantined = async (expected: readonly ExpectedGuest[], power: Power) => {
    for (const { uuid } of expected.filter((guest) => guest.quarantined)) {
      if (power.get(uuid) === POWER_STATES.shutdown) continue
      log.warn({ instance: uuid }, 'the server of this guest was evacuated: it is stopped, its disk is kept')
      await driver.powerOff(uuid, 0)
      counts.guest('quarantined')
    }
  }
  const tellStrangers = (expected: readonly ExpectedGuest[], power: Power) => {
    const known = new Set(expected.map((guest) => guest.uuid))
    for (const uuid of power.keys()) {
      if (known.has(uuid) || strangers.has(uuid)) continue
      strangers.add(uuid)
      counts.guest('unknown')
      log.warn({ instance: uuid }, 'a guest runs here that nobody knows of: it is left alone')
    }
  }
  const resume = async (
    expected: readonly ExpectedGuest[],
    power: Power,
    requestId: string,
  ): Promise<Set<string>> => {
    const down = expected.filter(
      (guest) => guest.vmState === 'active' && power.get(guest.uuid) !== POWER_STATES.running,
    )
    const instanceUuids = down.map((guest) => guest.uuid)
    instanceUuids.forEach(() => counts.guest('resumed'))
    if (instanceUuids.length > 0) await conductor.resumeGuests.call({ host, instanceUuids }, requestId)
    return new Set(instanceUuids)
  }
  const syncPower = async (expected: readonly ExpectedGuest[], power: Power, requestId: string) => {
    for (const guest of expected) {
      const { uuid, powerState: believed } = guest
      const powerState = power.get(uuid)
      if (powerState === undefined || isAsExpected(guest, powerState)) continue
      log.info({ instance: uuid, believed, power_state: powerState }, 'a power state is not as expected')
      await conductor.powerStateChanged.call({ host, instanceUuid: uuid, powerState }, requestId)
      counts.guest('power state')
    }
  }

  return {
    async run({ afterStart }) {
      const requestId = ids.requestId()
      const power: Power = new Map((await driver.list()).map((guest) => [guest.uuid, guest.powerState]))
      const all = await conductor.expectedGuests.call({ host, uuids: [...power.keys()] }, requestId)
      tellStrangers(all, power)
      // What a command is at work on is as it should be once the command is done.
      const idle = all.filter((guest) => !isBusy(guest.uuid))
      await destroyDeleted(idle, power)
      await stopQuarantined(idle, power)
      const settled = idle.filter((guest) => !guest.deleted && !guest.quarantined && guest.taskState === null)
      const resumed = afterStart && config.resumeGuests ? await resume(settled, power, requestId) : new Set()
      await syncPower(
        settled.filter((guest) => !resumed.has(guest.uuid)),
        power,
        requestId,
      )
    },
  }
}
