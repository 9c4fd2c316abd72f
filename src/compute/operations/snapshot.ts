/** Snapshot: the guest's root disk as it is now becomes the data of an image that waits for it (`args.imageId`). */
import { canSnapshot } from '#virt/port.ts'
import { lacking } from './able.ts'
import type { Operation } from './operation.ts'

export const snapshot: Operation = {
  failure: 'No image could be made of the server.',
  retryable: false,
  async run({ guest, args }, { world }) {
    const { driver, images } = world
    if (!canSnapshot(driver)) throw lacking('snapshot')
    const imageId = String(args['imageId'])
    const taken = await driver.snapshot(guest.uuid)
    try {
      await images.upload(imageId, { ...taken, containerFormat: 'bare' })
    } finally {
      await taken.discard()
    }
  },
}
