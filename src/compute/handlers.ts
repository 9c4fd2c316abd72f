/** Answers the compute's contract: commands are taken in, questions about consoles are answered from the driver. */
import type { computeContract } from '#contracts/compute.ts'
import type { HandlersOf } from '#contracts/contract.ts'
import { badRequest, conflict, type Fault, notFound } from '#lib/fault.ts'
import type { Image } from '#model/image/index.ts'
import { POWER_STATES } from '#model/instance/index.ts'
import {
  canCacheImages,
  hasConsoleOutput,
  hasDiagnostics,
  hasSerial,
  hasVnc,
  type VirtDriver,
} from '#virt/port.ts'
import type { World } from './world.ts'

const unavailable = (type: string) => badRequest(`Unavailable console type ${type}.`)

async function addressOf(driver: VirtDriver, type: 'vnc' | 'serial', instanceUuid: string) {
  if (type === 'vnc' && hasVnc(driver)) return driver.vncAddress(instanceUuid)
  if (type === 'serial' && hasSerial(driver)) return driver.serialAddress(instanceUuid)
  throw unavailable(type)
}

export function computeHandlers(
  { driver, images, log }: Pick<World, 'driver' | 'images' | 'log'>,
  /** There may be a command to be done. */
  onHint: (commandId: string) => void,
): HandlersOf<typeof computeContract> {
  const absent = (instanceUuid: string): Fault => notFound(`Instance ${instanceUuid} could not be found.`)
  /** Who asked does not wait for the bytes, and a guest that needs the image says itself why it cannot have it. */
  const cache = async (image: Image): Promise<void> => {
    if (!canCacheImages(driver)) return log.info({ image: image.id }, 'the driver keeps no images')
    try {
      await driver.cacheImage(image, { open: (imageId) => images.download(imageId) })
      log.info({ image: image.id }, 'image cached')
    } catch (error) {
      log.warn({ err: error, image: image.id }, 'the image was not cached')
    }
  }
  return {
    async run({ commandId }) {
      onHint(commandId)
      return null
    },
    async cacheImages({ images: wanted }) {
      for (const image of wanted) void cache(image)
      return null
    },
    async consoleOutput({ instanceUuid, maxBytes }) {
      if (!hasConsoleOutput(driver)) throw unavailable('console output')
      if (!(await driver.info(instanceUuid))) throw absent(instanceUuid)
      return { outputBase64: (await driver.consoleOutput(instanceUuid, maxBytes)).toString('base64') }
    },
    async diagnostics({ instanceUuid }) {
      if (!(await driver.info(instanceUuid))) throw absent(instanceUuid)
      const diagnostics = hasDiagnostics(driver) ? { ...(await driver.diagnostics(instanceUuid)) } : null
      return { driver: driver.name, diagnostics }
    },
    async console({ instanceUuid, type }) {
      const guest = await driver.info(instanceUuid)
      if (!guest) throw absent(instanceUuid)
      try {
        return await addressOf(driver, type, instanceUuid)
      } catch (error) {
        if (guest.powerState === POWER_STATES.running) throw error
        throw conflict(`Instance ${instanceUuid} is not ready`, { cause: error })
      }
    },
  }
}
