/** What flavors and images ask for that only some hosts can do, as traits: hosts without them are not proposed. */
import type { RequestSpec } from '#contracts/scheduler.ts'
import { IMAGE_TYPES, TRAITS_OF_PROPERTIES } from './trait-names.ts'
import type { RequestFilter } from './request-filter.ts'

const requiring = (query: Parameters<RequestFilter>[0], traits: readonly string[]) =>
  traits.length === 0 ? query : { ...query, requiredTraits: [...query.requiredTraits, ...traits] }

const WORDS_FOR_YES: ReadonlySet<string> = new Set(['1', 't', 'true', 'on', 'y', 'yes'])
const isYes = (word: string | undefined): boolean =>
  word !== undefined && WORDS_FOR_YES.has(word.trim().toLowerCase())

/** The flavor's `hw:…`, or the image's `hw_…`. */
const hardware = ({ flavor, imageProperties }: RequestSpec, name: string): string | undefined =>
  flavor.extraSpecs[`hw:${name}`] ?? imageProperties[`hw_${name}`]

const traitOf = (...words: readonly string[]): string =>
  words.join('_').replaceAll(/[-.]/g, '_').toUpperCase()

/** A word that is none of those it may be asks for nothing here: what guests are made of is checked elsewhere. */
const oneOf = (word: string | undefined, words: readonly string[]): string[] =>
  word !== undefined && words.includes(word) ? [word] : []

const TPM_SECRETS = ['user', 'host', 'deployment']

/** Always on, each for who asks for it. */
const WISHES: readonly ((spec: RequestSpec) => readonly string[])[] = [
  ({ flavor }) => (flavor.extraSpecs['accel:device_profile'] ? ['COMPUTE_ACCELERATORS'] : []),
  (spec) => (isYes(hardware(spec, 'virtio_packed_ring')) ? ['COMPUTE_NET_VIRTIO_PACKED'] : []),
  (spec) => (hardware(spec, 'sound_model') === 'virtio' ? ['COMPUTE_SOUND_MODEL_VIRTIO'] : []),
  (spec) => {
    if (!isYes(hardware(spec, 'ephemeral_encryption'))) return []
    const formats = oneOf(hardware(spec, 'ephemeral_encryption_format'), ['plain', 'luks', 'luksv2'])
    const encryption = 'COMPUTE_EPHEMERAL_ENCRYPTION'
    return [encryption, ...formats.map((format) => traitOf(encryption, format))]
  },
  (spec) => {
    const [version] = oneOf(hardware(spec, 'tpm_version'), ['1.2', '2.0'])
    if (version === undefined) return []
    const [secret = 'user'] = oneOf(spec.flavor.extraSpecs['hw:tpm_secret_security'], TPM_SECRETS)
    return [traitOf('COMPUTE_SECURITY_TPM', version), traitOf('COMPUTE_SECURITY_TPM_SECRET_SECURITY', secret)]
  },
]

export const wishes: RequestFilter = (query, { spec }) =>
  requiring(
    query,
    WISHES.flatMap((wish) => wish(spec)),
  )

/** `[scheduler] query_placement_for_image_type_support`: hosts that can read the image. Volumes are read elsewhere. */
export const imageType: RequestFilter = (query, { spec, config }) => {
  if (!config.queryPlacementForImageTypeSupport || spec.isVolumeBacked) return query
  const formats = oneOf(spec.imageDiskFormat?.toUpperCase(), IMAGE_TYPES)
  return requiring(
    query,
    formats.map((format) => `COMPUTE_IMAGE_TYPE_${format}`),
  )
}

/** `[scheduler] image_metadata_prefilter`: all that the image's properties say, or nothing when one of them has no trait. */
export const imageMetadata: RequestFilter = (query, { spec, config }) => {
  if (!config.imageMetadataPrefilter) return query
  const traits = TRAITS_OF_PROPERTIES.flatMap(({ property, prefix, words }) => {
    const said = spec.imageProperties[property]
    if (said === undefined) return []
    const word = traitOf(said)
    return [words.includes(word) ? `${prefix}_${word}` : undefined]
  })
  const known = traits.filter((trait) => trait !== undefined)
  return known.length === traits.length ? requiring(query, known) : query
}
