/** Operations that not every driver can do: each is one row, and a driver that lacks the ability refuses them in the same words. */
import type { Command } from '#contracts/compute.ts'
import type { Injected } from '#contracts/operations.ts'
import {
  canAttachInterface,
  canAttachVolume,
  canDumpCrash,
  canLiveMigrate,
  canMigrate,
  canPause,
  canRescue,
  canSetPassword,
  canSuspend,
  canSwapVolume,
  type GuestDefinition,
  type GuestVolume,
  type ImageSource,
  NotSupported,
  type VirtDriver,
} from '#virt/port.ts'
import type { Image } from '#model/image/index.ts'
import type { Vif } from '#model/network/index.ts'
import { guestDefinition } from '../guest-definition.ts'
import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

/** What a row is told of a command. */
interface Work {
  readonly uuid: string
  readonly args: Command['args']
  readonly guest: GuestDefinition
  readonly images: ImageSource
  readonly world: World
}

interface Row<D extends VirtDriver> {
  readonly can: (driver: VirtDriver) => driver is D
  /** Nova's name of what a driver may lack. */
  readonly ability: string
  /** What a person reads when it fails. */
  readonly failure: string
  run(driver: D, work: Work): Promise<void>
}

/** Nova's words where it has some, the name of its error first where it has none. */
export const lacking = (ability: string): NotSupported =>
  new NotSupported(`NotImplementedError: ${ability} is not implemented by this driver or guest instance.`)

function able<D extends VirtDriver>({ can, ability, failure, run }: Row<D>): Operation {
  return {
    failure,
    retryable: false,
    async run({ guest, args }, { world }) {
      const { driver } = world
      if (!can(driver)) throw lacking(ability)
      const images: ImageSource = { open: (imageId) => world.images.download(imageId) }
      const injected = (args['injected'] ?? {}) as Injected
      const definition = guestDefinition(guest, world, injected)
      await run(driver, { uuid: guest.uuid, args, guest: definition, images, world })
    },
  }
}

const timeoutOf = ({ args, world }: Work): number =>
  typeof args['timeoutMs'] === 'number' ? args['timeoutMs'] : world.config.shutdownTimeoutMs

export const ABLE = {
  pause: able({
    can: canPause,
    ability: 'pause',
    failure: 'The server could not be paused.',
    run: (driver, { uuid }) => driver.pause(uuid),
  }),
  unpause: able({
    can: canPause,
    ability: 'unpause',
    failure: 'The server could not be unpaused.',
    run: (driver, { uuid }) => driver.unpause(uuid),
  }),
  suspend: able({
    can: canSuspend,
    ability: 'suspend',
    failure: 'The server could not be suspended.',
    run: (driver, { uuid }) => driver.suspend(uuid),
  }),
  resume: able({
    can: canSuspend,
    ability: 'resume',
    failure: 'The server could not be resumed.',
    run: (driver, { guest }) => driver.resume(guest),
  }),
  rescue: able({
    can: canRescue,
    ability: 'rescue',
    failure: 'The server could not be rescued.',
    async run(driver, work) {
      // The disks are to be as their owner left them: politely first.
      await driver.powerOff(work.uuid, timeoutOf(work))
      await driver.rescue(work.guest, (work.args['image'] ?? null) as Image | null, work.images)
    },
  }),
  unrescue: able({
    can: canRescue,
    ability: 'unrescue',
    failure: 'The server could not be unrescued.',
    run: (driver, { guest }) => driver.unrescue(guest),
  }),
  'set-password': able({
    can: canSetPassword,
    ability: 'set_admin_password',
    failure: 'error setting admin password',
    run: (driver, { uuid, args }) => driver.setAdminPassword(uuid, String(args['adminPass'])),
  }),
  'dump-crash': able({
    can: canDumpCrash,
    ability: 'trigger_crash_dump',
    failure: 'The server could not be told to dump its memory.',
    run: (driver, { uuid }) => driver.triggerCrashDump(uuid),
  }),
  'attach-volume': able({
    can: canAttachVolume,
    ability: 'attach_volume',
    failure: 'The volume could not be attached.',
    run: (driver, { uuid, args }) => driver.attachVolume(uuid, args['volume'] as GuestVolume),
  }),
  'detach-volume': able({
    can: canAttachVolume,
    ability: 'detach_volume',
    failure: 'The volume could not be detached.',
    run: (driver, { uuid, args }) => driver.detachVolume(uuid, args['volume'] as GuestVolume),
  }),
  'attach-interface': able({
    can: canAttachInterface,
    ability: 'attach_interface',
    failure: 'The interface could not be attached.',
    run: (driver, { guest, args }) => driver.attachInterface(guest, args['vif'] as Vif),
  }),
  'detach-interface': able({
    can: canAttachInterface,
    ability: 'detach_interface',
    failure: 'The interface could not be detached.',
    run: (driver, { guest, args }) => driver.detachInterface(guest, args['vif'] as Vif),
  }),
  'swap-volume': able({
    can: canSwapVolume,
    ability: 'swap_volume',
    failure: 'The volume could not be swapped.',
    run: (driver, { uuid, args }) =>
      driver.swapVolume(uuid, args['from'] as GuestVolume, args['to'] as GuestVolume),
  }),
  'prepare-move': able({
    can: canMigrate,
    ability: 'migrate_disk_and_power_off',
    failure: 'The server could not be made ready to leave its host.',
    run: (driver, work) => driver.prepareMove(work.uuid, timeoutOf(work)),
  }),
  'prepare-live-move': able({
    can: canLiveMigrate,
    ability: 'live_migration',
    failure: 'The server could not be made ready to leave its host.',
    run: (driver, { uuid }) => driver.prepareLiveMove(uuid),
  }),
} as const
