/** Volumes, snapshots, attachments and types as Cinder shows them, at each microversion. */
import type { Caller } from './caller.ts'
import type { Volume } from './store.ts'
import type { AttachmentRow, SnapshotRow, TransferRow, TypeRow } from './tables.ts'

/** Cinder's times have no zone, and microseconds. */
export const isoTime = (ms: number | null): string | null =>
  ms === null ? null : `${new Date(ms).toISOString().slice(0, 23)}000`

type Texts = Record<string, string>
export const textsOf = (json: string): Texts => JSON.parse(json) as Texts

export interface ViewContext {
  readonly caller: Caller
  /** Cinder's own root, for links. */
  readonly selfUrl: string
}

const linksOf = (id: string, { caller, selfUrl }: ViewContext, of = 'volumes') => [
  { rel: 'self', href: `${selfUrl}/v3/${caller.projectId}/${of}/${id}` },
  { rel: 'bookmark', href: `${selfUrl}/${caller.projectId}/${of}/${id}` },
]

export const briefVolume = ({ row }: Volume, context: ViewContext) => ({
  id: row.id,
  name: row.name,
  links: linksOf(row.id, context),
})

/** `created`: in the answer to a create, which says less. */
export function fullVolume(volume: Volume, context: ViewContext, created = false) {
  const { row, type, attachments } = volume
  const { minor, isAdmin } = context.caller
  const imageMetadata = textsOf(row.image_metadata)
  return {
    id: row.id,
    status: row.status,
    size: row.size,
    availability_zone: row.availability_zone,
    created_at: isoTime(row.created_at),
    updated_at: isoTime(row.updated_at),
    name: row.name,
    description: row.description,
    volume_type: type?.name ?? null,
    ...(minor >= 63 && { volume_type_id: row.volume_type_id }),
    snapshot_id: row.snapshot_id,
    source_volid: row.source_volid,
    metadata: { ...textsOf(row.metadata), ...(row.readonly === 1 && { readonly: 'True' }) },
    links: linksOf(row.id, context),
    user_id: row.user_id,
    bootable: String(row.bootable === 1),
    encrypted: false,
    replication_status: null,
    consistencygroup_id: null,
    multiattach: row.multiattach === 1,
    attachments: attachments.filter((one) => one.status === 'attached').map(volumeAttachment),
    ...(minor >= 13 && { group_id: null }),
    ...(minor >= 48 && { shared_targets: false, service_uuid: null }),
    ...(!created && {
      'os-vol-tenant-attr:tenant_id': row.project_id,
      ...(isAdmin && {
        migration_status: null,
        'os-vol-host-attr:host': HOST,
        'os-vol-mig-status-attr:migstat': null,
        'os-vol-mig-status-attr:name_id': null,
      }),
      ...(Object.keys(imageMetadata).length > 0 && { volume_image_metadata: imageMetadata }),
    }),
  }
}

/** Where all volumes are, in Cinder's words: host, back end and pool. */
export const HOST = 'stand-in@files#files'

const volumeAttachment = (row: AttachmentRow) => ({
  id: row.volume_id,
  attachment_id: row.id,
  volume_id: row.volume_id,
  server_id: row.instance_id,
  host_name: row.host,
  device: row.mountpoint,
  attached_at: isoTime(row.attached_at),
})

export const briefSnapshot = (row: SnapshotRow) => ({
  id: row.id,
  created_at: isoTime(row.created_at),
  updated_at: isoTime(row.updated_at),
  name: row.name,
  description: row.description,
  volume_id: row.volume_id,
  status: row.status,
  size: row.size,
  metadata: textsOf(row.metadata),
})

export const fullSnapshot = (row: SnapshotRow) => ({
  ...briefSnapshot(row),
  'os-extended-snapshot-attributes:project_id': row.project_id,
  'os-extended-snapshot-attributes:progress': row.status === 'available' ? '100%' : '0%',
})

export const briefAttachment = (row: AttachmentRow) => ({
  id: row.id,
  status: row.status,
  instance: row.instance_id,
  volume_id: row.volume_id,
})

export const fullAttachment = (row: AttachmentRow) => ({
  ...briefAttachment(row),
  attached_at: isoTime(row.attached_at) ?? '',
  detached_at: '',
  attach_mode: row.attach_mode ?? 'null',
  connection_info: JSON.parse(row.connection_info) as Readonly<Record<string, unknown>>,
})

export const typeView = (row: TypeRow, { isAdmin }: Caller) => ({
  id: row.id,
  name: row.name,
  is_public: row.is_public === 1,
  description: row.description,
  extra_specs: textsOf(row.extra_specs),
  ...(isAdmin && { qos_specs_id: null }),
  'os-volume-type-access:is_public': row.is_public === 1,
})

export const briefTransfer = (row: TransferRow, context: ViewContext) => ({
  id: row.id,
  volume_id: row.volume_id,
  name: row.name,
  links: linksOf(row.id, context, 'os-volume-transfer'),
})

/** An accepted transfer leaves no row: what is shown waits still. */
export const fullTransfer = (row: TransferRow, context: ViewContext) => ({
  ...briefTransfer(row, context),
  created_at: isoTime(row.created_at),
  ...(context.caller.minor >= 55 && { no_snapshots: row.no_snapshots === 1 }),
  ...(context.caller.minor >= 57 && {
    destination_project_id: null,
    source_project_id: row.project_id,
    accepted: false,
  }),
})
