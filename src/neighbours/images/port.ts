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
  /** Makes an image that waits for its data, as the caller's, shared with the members it is given. Throws the 403 of a full quota. */
  create(image: NewImage, caller: { token: string }): Promise<Image>
  /** Gives a waiting image its data, with the service user's rights. */
  upload(imageId: string, data: ImageData): Promise<void>
  /** Removes an image, with the service user's rights. Nothing there is success. */
  remove(imageId: string): Promise<void>
  /** Images with all of these properties, newest first, with the service user's rights. */
  listByProperties(properties: Readonly<Record<string, string>>): Promise<readonly Image[]>
}

export interface NewImage {
  readonly name: string
  readonly diskFormat: string | null
  readonly containerFormat: string | null
  readonly minDiskGb: number
  readonly minRamMb: number
  readonly properties: Readonly<Record<string, string>>
  /** The project that may use it beside the caller's own. */
  readonly sharedWith?: string
}

export interface ImageData {
  readonly diskFormat: string
  readonly containerFormat: string
  readonly bytes: Readable
}
