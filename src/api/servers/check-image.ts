/** Whether an image and a flavor fit one another, in Nova's words. */
import { badRequest, forbidden } from '#lib/fault.ts'
import type { Flavor } from '#model/flavor/index.ts'
import type { Image } from '#model/image/index.ts'

const GIB = 1024 ** 3

/** Throws when a server of this flavor cannot boot from a volume of this image. */
export function checkVolumeImage(
  image: Pick<Image, 'minRamMb' | 'minDiskGb'>,
  flavor: Flavor,
  volumeSizeGb: number | null,
): void {
  if (flavor.memoryMb < image.minRamMb) throw badRequest("Flavor's memory is too small for requested image.")
  if (volumeSizeGb === null || image.minDiskGb <= volumeSizeGb) return
  const sizes = `Volume size is ${volumeSizeGb * GIB} bytes, minimum size is ${image.minDiskGb * GIB} bytes.`
  throw badRequest(`Volume is smaller than the minimum size specified in image metadata. ${sizes}`)
}

/** Throws when a server of this flavor cannot boot from this image on a local disk. */
export function checkImage(image: Image, flavor: Flavor, mayZeroDisk: () => boolean): void {
  if (image.status !== 'active') throw badRequest(`Image ${image.id} is not active.`)
  if (flavor.memoryMb < image.minRamMb) throw badRequest("Flavor's memory is too small for requested image.")
  if (flavor.rootGb === 0) {
    if (!mayZeroDisk()) throw forbidden('Only volume-backed servers are allowed for flavors with zero disk.')
    return
  }
  const diskBytes = flavor.rootGb * GIB
  if ((image.size ?? 0) > diskBytes) {
    const sizes = `Flavor disk is ${diskBytes} bytes, image is ${image.size} bytes.`
    throw badRequest(`Flavor's disk is too small for requested image. ${sizes}`)
  }
  const minimum = image.minDiskGb * GIB
  if (minimum > diskBytes) {
    const sizes = `Flavor disk is ${diskBytes} bytes, minimum size is ${minimum} bytes.`
    throw badRequest(`Flavor's disk is smaller than the minimum size specified in image metadata. ${sizes}`)
  }
}
