/** An image of a server, as it is asked for: what it takes over from the server's image, and whose it is. */
import type { Call, Services } from '#api/kernel/index.ts'
import { makerNotes } from '#api/servers/index.ts'
import type { Instance } from '#model/instance/index.ts'
import type { NewImage } from '#neighbours/images/port.ts'

export interface Wanted {
  readonly name: string
  /** Null: of volumes, which say nothing of what they are of. */
  readonly type: 'snapshot' | 'backup' | null
  readonly properties: Readonly<Record<string, string>>
}

/** Properties that are of one image, not of what is made of it, whatever an operator says. */
const NEVER_INHERITED = new Set([
  'cinder_encryption_key_id',
  'cinder_encryption_key_deletion_policy',
  'img_signature',
  'img_signature_certificate_uuid',
  'img_signature_hash_method',
  'img_signature_key_type',
])
const isInherited = (key: string, except: readonly string[]): boolean =>
  !NEVER_INHERITED.has(key) && !key.startsWith('os_glance') && !except.includes(key)

const FACTS = new Set(['min_disk', 'min_ram', 'disk_format', 'container_format'])

/** An image as it is asked for: it says what it will be an image of. */
export function newImageOf(
  call: Pick<Call<unknown, unknown, never>, 'context'>,
  { config }: Pick<Services, 'config'>,
  instance: Instance,
  { name, type, properties }: Wanted,
): NewImage {
  const notes = Object.entries(instance.systemMetadata)
    .filter(([key]) => key.startsWith('image_'))
    .map(([key, value]) => [key.slice('image_'.length), value] as const)
    .filter(([key]) => isInherited(key, config.propertiesNotInherited))
  const facts = new Map(notes)
  // What a snapshot is made in shows with its data.
  const format = (fact: string) => (type === 'snapshot' ? null : (facts.get(fact) ?? null))
  return {
    name: name.trim(),
    diskFormat: format('disk_format'),
    containerFormat: format('container_format'),
    minDiskGb: Math.max(Number(facts.get('min_disk') ?? 0), instance.flavor.rootGb),
    minRamMb: Number(facts.get('min_ram') ?? 0),
    properties: {
      ...Object.fromEntries(notes.filter(([key]) => !FACTS.has(key))),
      ...makerNotes(instance),
      base_image_ref: instance.imageRef,
      ...(type !== null && {
        instance_uuid: instance.uuid,
        user_id: call.context.userId,
        image_type: type,
      }),
      ...properties,
    },
    // An admin's image of someone's server is that one's to use, too.
    ...(call.context.projectId !== instance.projectId && { sharedWith: instance.projectId }),
  }
}
