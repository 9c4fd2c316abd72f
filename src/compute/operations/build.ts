/** Build: the guest is made on this host and started. */
import type { Injected } from '#contracts/operations.ts'
import { type BootVolume, canBootFromVolumes, GuestRefused, type ImageSource } from '#virt/port.ts'
import { guestDefinition } from '../guest-definition.ts'
import { makerOf, refuseOlderGuest } from './older-guest.ts'
import type { Operation } from './operation.ts'

export const build: Operation = {
  changesUsage: true,
  failure: 'The server could not be built on this host.',
  retryable: true,
  run: (command, { world, builds, signal }) =>
    builds(signal, async () => {
      signal.throwIfAborted()
      world.log.debug({ at: 'compute/operations/build', instance: command.instanceUuid }, 'building')
      const source: ImageSource = { open: (imageId) => world.images.download(imageId) }
      const injected = (command.args['injected'] ?? {}) as Injected
      await refuseOlderGuest(command, world)
      const volumes = (command.args['volumes'] ?? []) as readonly BootVolume[]
      if (volumes.length > 0 && !canBootFromVolumes(world.driver))
        throw new GuestRefused('The compute driver cannot start a server with volumes.')
      const guest = {
        volumes,
        ...guestDefinition(command.guest, world, injected, volumes),
        ...makerOf(command),
      }
      await world.driver.spawn(guest, source)
    }),
}
