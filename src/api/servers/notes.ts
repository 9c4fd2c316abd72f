/** What the API notes of a create in an instance's system metadata, and reads back to show. */
import type { Image } from '#model/image/index.ts'
import type { Instance } from '#model/instance/index.ts'
import type { RequestContext } from '#model/request-context.ts'

const HINTS = 'scheduler_hints'
const PINNED_ZONE = 'pinned_availability_zone'
const IMAGE_PREFIX = 'image_'

export type SchedulerHints = Readonly<Record<string, unknown>>

export interface Notes {
  readonly image: Pick<Image, 'properties' | 'minDiskGb' | 'minRamMb' | 'diskFormat' | 'containerFormat'>
  readonly hints: SchedulerHints
  /** The zone the caller asked for, which the server may not leave. */
  readonly pinnedZone: string | null
}

/** The system metadata of a new instance. */
export function notesOf({ image, hints, pinnedZone }: Notes): Record<string, string> {
  const properties = Object.entries(image.properties).map(
    ([key, value]) => [`${IMAGE_PREFIX}${key}`, value] as const,
  )
  return {
    ...Object.fromEntries(properties),
    image_min_ram: String(image.minRamMb),
    image_min_disk: String(image.minDiskGb),
    ...(image.diskFormat !== null && { image_disk_format: image.diskFormat }),
    ...(image.containerFormat !== null && { image_container_format: image.containerFormat }),
    ...(Object.keys(hints).length > 0 && { [HINTS]: JSON.stringify(hints) }),
    ...(pinnedZone !== null && { [PINNED_ZONE]: pinnedZone }),
  }
}

/** Who made the server, as Nova keeps it: images made of the server say it too. */
export const makerOf = ({
  userName,
  projectName,
  roles,
}: Pick<RequestContext, 'userName' | 'projectName' | 'roles'>): Record<string, string> => ({
  boot_roles: roles.join(','),
  ...(typeof userName === 'string' && { owner_user_name: userName }),
  ...(typeof projectName === 'string' && { owner_project_name: projectName }),
})

/** What `makerOf` noted. */
export const makerNotes = ({ systemMetadata }: Pick<Instance, 'systemMetadata'>): Record<string, string> =>
  Object.fromEntries(
    ['boot_roles', 'owner_user_name', 'owner_project_name'].flatMap((key) => {
      const value = systemMetadata[key]
      return value === undefined ? [] : [[key, value]]
    }),
  )

export const hintsOf = ({ systemMetadata }: Instance): SchedulerHints =>
  systemMetadata[HINTS] === undefined ? {} : (JSON.parse(systemMetadata[HINTS]) as SchedulerHints)

export const pinnedZoneOf = ({ systemMetadata }: Instance): string | null =>
  systemMetadata[PINNED_ZONE] ?? null

/** The system metadata of an instance whose pinned zone changes; null pins it nowhere. */
export function withPinnedZone({ systemMetadata }: Instance, zone: string | null): Record<string, string> {
  const { [PINNED_ZONE]: _old, ...rest } = systemMetadata
  return zone === null ? rest : { ...rest, [PINNED_ZONE]: zone }
}

/** Facts of the image that are no properties of it. */
const IMAGE_FACTS = new Set(['min_disk', 'min_ram', 'disk_format', 'container_format', 'base_image_ref'])

/** Properties of the image as they were at create, under their own names. */
export const imagePropertiesOf = ({ systemMetadata }: Instance): Record<string, string> =>
  Object.fromEntries(
    Object.entries(systemMetadata).flatMap(([key, value]) => {
      const name = key.slice(IMAGE_PREFIX.length)
      return key.startsWith(IMAGE_PREFIX) && !IMAGE_FACTS.has(name) ? [[name, value]] : []
    }),
  )
