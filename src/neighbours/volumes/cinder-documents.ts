/** What Cinder answers, as far as it is read, and how it becomes ours. */
import { Fault } from '#lib/fault.ts'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Attachment, Snapshot, Volume, VolumeType } from './port.ts'

const Text = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const Texts = Type.Optional(Type.Record(Type.String(), Type.Unknown()))

const VolumeBody = Type.Object({
  id: Type.String(),
  status: Type.String(),
  size: Type.Integer(),
  name: Text,
  description: Text,
  availability_zone: Text,
  volume_type: Text,
  snapshot_id: Text,
  bootable: Type.Optional(Type.Union([Type.String(), Type.Boolean()])),
  multiattach: Type.Optional(Type.Boolean()),
  encrypted: Type.Optional(Type.Boolean()),
  metadata: Texts,
  volume_image_metadata: Texts,
  created_at: Type.String(),
  attachments: Type.Optional(Type.Array(Type.Object({ attachment_id: Text, server_id: Text, device: Text }))),
})

const TypeBody = Type.Object({ id: Type.String(), name: Type.String() })

const SnapshotBody = Type.Object({
  id: Type.String(),
  status: Type.String(),
  volume_id: Type.String(),
  size: Type.Integer(),
  name: Text,
  description: Text,
  created_at: Type.String(),
})

const AttachmentBody = Type.Object({
  id: Type.String(),
  volume_id: Type.String(),
  instance: Text,
  status: Type.String(),
  connection_info: Type.Optional(Type.Union([Texts, Type.Null()])),
})

function read<S extends TSchema>(schema: S, json: unknown): Static<S> {
  if (!Value.Check(schema, json))
    throw new Fault('unavailable', 'The volume service gave an answer that cannot be read.')
  return json
}

const textsOf = (values: Readonly<Record<string, unknown>> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(values ?? {}).map(([key, value]) => [key, String(value)]))

/** Throws an `unavailable` fault when it is no volume. */
export function toVolume(json: unknown): Volume {
  const body = read(VolumeBody, json)
  return {
    id: body.id,
    name: body.name ?? null,
    description: body.description ?? null,
    status: body.status,
    sizeGb: body.size,
    availabilityZone: body.availability_zone ?? null,
    volumeType: body.volume_type ?? null,
    snapshotId: body.snapshot_id ?? null,
    bootable: body.bootable === true || body.bootable === 'true',
    multiattach: body.multiattach ?? false,
    encrypted: body.encrypted ?? false,
    metadata: textsOf(body.metadata),
    imageMetadata: textsOf(body.volume_image_metadata),
    createdAt: body.created_at,
    attachments: (body.attachments ?? []).map((one) => ({
      id: one.attachment_id ?? '',
      serverId: one.server_id ?? '',
      device: one.device ?? null,
    })),
  }
}

/** Throws an `unavailable` fault when it is no snapshot. */
export function toSnapshot(json: unknown): Snapshot {
  const body = read(SnapshotBody, json)
  return {
    id: body.id,
    name: body.name ?? null,
    description: body.description ?? null,
    status: body.status,
    volumeId: body.volume_id,
    sizeGb: body.size,
    createdAt: body.created_at,
  }
}

/** Throws an `unavailable` fault when it is no attachment. */
export function toAttachment(json: unknown): Attachment {
  const body = read(AttachmentBody, json)
  const { driver_volume_type: kind, ...rest } = body.connection_info ?? {}
  const { data, ...beside } = rest
  return {
    id: body.id,
    volumeId: body.volume_id,
    instanceUuid: body.instance ?? null,
    status: body.status,
    // The attachments API gives its data beside the type, the older one below it.
    connection:
      typeof kind === 'string'
        ? { driverVolumeType: kind, data: (data ?? beside) as Readonly<Record<string, unknown>> }
        : null,
  }
}

/** Throws `unavailable` when it is no volume type. */
export function toVolumeType(json: unknown): VolumeType {
  const { id, name } = read(TypeBody, json)
  return { id, name }
}
