/** A Cinder that keeps its volumes in a map: one project's, without quota, and every volume is ready at once. */
import { randomUUID } from 'node:crypto'
import { badRequest, notFound } from '#lib/fault.ts'
import type {
  Attachment,
  Connector,
  Snapshot,
  Volume,
  Volumes,
  VolumeType,
  VolumeWish,
} from '#neighbours/volumes/port.ts'

const CREATED = '2026-01-01T00:00:00.000000'

export const volumeWith = (changes: Partial<Volume> = {}): Volume => ({
  id: randomUUID(),
  name: null,
  description: null,
  status: 'available',
  sizeGb: 1,
  availabilityZone: 'nova',
  volumeType: '__DEFAULT__',
  snapshotId: null,
  bootable: false,
  multiattach: false,
  encrypted: false,
  metadata: {},
  imageMetadata: {},
  attachments: [],
  createdAt: CREATED,
  ...changes,
})

export class SmallVolumes implements Volumes {
  readonly volumes = new Map<string, Volume>()
  readonly snapshots = new Map<string, Snapshot>()
  readonly attachments = new Map<string, Attachment>()
  /** Where each attachment is connected, as far as it is. */
  readonly hosts = new Map<string, string>()
  /** The types that there are. */
  readonly types: VolumeType[] = []
  readonly #happens: (event: string) => Promise<void> | void

  constructor(happens: (event: string) => Promise<void> | void = () => undefined) {
    this.#happens = happens
  }

  add(changes: Partial<Volume> = {}): Volume {
    const volume = volumeWith(changes)
    this.volumes.set(volume.id, volume)
    return volume
  }

  find = async (id: string) => this.volumes.get(id)
  findAsService = this.find
  list = async () => [...this.volumes.values()]
  listTypes = async () => this.types
  findSnapshot = async (id: string) => this.snapshots.get(id)
  listSnapshots = async () => [...this.snapshots.values()]

  async create({ sizeGb, snapshotId, imageId, ...wish }: VolumeWish): Promise<Volume> {
    const source = snapshotId == null ? undefined : this.snapshots.get(snapshotId)
    return this.add({
      name: wish.name ?? null,
      description: wish.description ?? null,
      sizeGb: sizeGb ?? source?.sizeGb ?? 1,
      snapshotId: snapshotId ?? null,
      bootable: imageId != null,
      metadata: wish.metadata ?? {},
      availabilityZone: wish.availabilityZone ?? 'nova',
    })
  }

  async remove(id: string): Promise<void> {
    await this.#happens('before volume removed')
    if (!this.volumes.delete(id)) throw notFound(`Volume ${id} could not be found.`)
    await this.#happens('after volume removed')
  }

  async removeAsService(id: string): Promise<void> {
    if (this.volumes.has(id)) await this.remove(id)
  }

  async createSnapshot(wish: { volumeId: string; name: string | null; description: string | null }) {
    const sizeGb = this.volumes.get(wish.volumeId)?.sizeGb ?? 1
    const snapshot = { ...wish, id: randomUUID(), status: 'available', sizeGb, createdAt: CREATED }
    this.snapshots.set(snapshot.id, snapshot)
    return snapshot
  }

  async removeSnapshot(id: string): Promise<void> {
    if (!this.snapshots.delete(id)) throw notFound(`Snapshot ${id} could not be found.`)
  }

  async reserve(volumeId: string, instanceUuid: string): Promise<Attachment> {
    const volume = this.volumes.get(volumeId)
    if (!volume) throw notFound(`Volume ${volumeId} could not be found.`)
    const own = (await this.listAttachments(volumeId)).some((one) => one.instanceUuid === instanceUuid)
    if (!own && volume.status !== 'available' && !(volume.multiattach && volume.status === 'in-use'))
      throw badRequest(`Invalid volume: Volume ${volumeId} status must be available or downloading`)
    const attachment = { id: randomUUID(), volumeId, instanceUuid, status: 'reserved', connection: null }
    this.attachments.set(attachment.id, attachment)
    this.#tell(volumeId)
    return attachment
  }

  async connect(id: string, { host }: Pick<Connector, 'host'> = { host: 'h1' }): Promise<Attachment> {
    await this.#happens('before connect')
    const other = this.hosts.get(id)
    if (other !== undefined && other !== host) throw badRequest(`Attachment ${id} is connected to ${other}.`)
    this.hosts.set(id, host)
    const connection = { driverVolumeType: 'local', data: { device_path: `/volumes/${id}` } }
    const attachment = this.#change(id, { status: 'attaching', connection })
    await this.#happens('after connect')
    return attachment
  }

  async complete(id: string): Promise<void> {
    await this.#happens('before complete')
    this.#change(id, { status: 'attached' })
    await this.#happens('after complete')
  }

  async beginDetaching(id: string): Promise<void> {
    const volume = this.volumes.get(id)
    if (!volume) throw notFound(`Volume ${id} could not be found.`)
    if (volume.status !== 'in-use') throw badRequest(`Invalid volume: it is ${volume.status}`)
    this.volumes.set(id, { ...volume, status: 'detaching' })
  }

  async rollDetaching(id: string): Promise<void> {
    if (this.volumes.get(id)?.status === 'detaching') this.#tell(id)
  }

  listAttachments = async (volumeId: string) =>
    [...this.attachments.values()].filter((one) => one.volumeId === volumeId)

  listReservations = async () => [...this.attachments.values()].filter(({ status }) => status === 'reserved')

  listMarked = async (metadata: Readonly<Record<string, string>>) =>
    [...this.volumes.values()].filter((volume) =>
      Object.entries(metadata).every(([key, value]) => volume.metadata[key] === value),
    )

  findAttachment = async (id: string) => this.attachments.get(id)

  async release(id: string): Promise<void> {
    await this.#happens('before release of volume')
    const volumeId = this.attachments.get(id)?.volumeId
    this.attachments.delete(id)
    if (volumeId !== undefined) this.#tell(volumeId)
    await this.#happens('after release of volume')
  }

  #change(id: string, changes: Partial<Attachment>): Attachment {
    const attachment = this.attachments.get(id)
    if (!attachment)
      throw notFound(`Volume attachment could not be found with filter: attachment_id = ${id}.`)
    const changed = { ...attachment, ...changes }
    this.attachments.set(id, changed)
    this.#tell(attachment.volumeId)
    return changed
  }

  /** A volume's state follows from its attachments. */
  #tell(volumeId: string): void {
    const volume = this.volumes.get(volumeId)
    if (!volume) return
    const own = [...this.attachments.values()].filter((one) => one.volumeId === volumeId)
    const status = own.some((one) => one.status === 'attached')
      ? 'in-use'
      : (own.at(-1)?.status ?? 'available')
    const attached = own.filter((one) => one.status === 'attached')
    const attachments = attached.map(({ id, instanceUuid }) => ({
      id,
      serverId: instanceUuid ?? '',
      device: null,
    }))
    this.volumes.set(volumeId, { ...volume, status, attachments })
  }
}
