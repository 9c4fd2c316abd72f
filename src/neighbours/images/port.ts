/** Glance, as far as Kilonova needs it. `token` is the caller's where the caller's rights decide. */
import type { Image } from '#model/image/index.ts'
import type { Readable } from 'node:stream'

export interface Images {
  /** As the caller sees it; undefined when there is none that the caller may see. */
  find(imageId: string, caller: { token: string }): Promise<Image | undefined>
  /** As the service user sees it. */
  findAsService(imageId: string): Promise<Image | undefined>
  /** The image's bytes, with the service user's rights. */
  download(imageId: string): Promise<Readable>
}
