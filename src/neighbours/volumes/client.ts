/** A Cinder v3 client: volumes and snapshots as the caller sees them, attachments as the service user. */
import { toAttachment, toSnapshot, toVolume, toVolumeType } from './cinder-documents.ts'
import type { Caller, Volume, Volumes, VolumeWish } from './port.ts'
import { type CinderDeps, type CinderRequests, createCinderRequests, unlessMissing } from './requests.ts'

export type VolumesDeps = CinderDeps

/** Makes the client. Every method throws Faults with Cinder's message; `unavailable` when Cinder cannot be asked. */
export function createVolumes(deps: VolumesDeps): Volumes {
  const cinder = createCinderRequests(deps)
  const attachment = async (method: 'POST' | 'PUT', path: string, wish: object) =>
    toAttachment((await cinder.send(method, path, { json: { attachment: wish } }))['attachment'])
  return {
    find: (id, caller) => findVolume(cinder, id, caller),
    findAsService: (id) => findVolume(cinder, id),
    list: async (caller) =>
      listOf(await cinder.send('GET', 'volumes/detail', { caller }), 'volumes', toVolume),
    async create(wish, caller) {
      const json = { volume: volumeBody(wish) }
      return toVolume((await cinder.send('POST', 'volumes', { caller, json }))['volume'])
    },
    async remove(id, caller) {
      await cinder.send('DELETE', at('volumes', id), { caller })
    },
    async listMarked(metadata, caller) {
      const query = new URLSearchParams({ metadata: JSON.stringify(metadata) })
      const found = await cinder.send('GET', `volumes/detail?${query.toString()}`, { caller })
      const isMarked = (volume: Volume) =>
        Object.entries(metadata).every(([key, value]) => volume.metadata[key] === value)
      return listOf(found, 'volumes', toVolume).filter(isMarked)
    },
    async removeAsService(id) {
      await unlessMissing(cinder.send('DELETE', at('volumes', id)))
    },
    // Without the parameter an admin is told of public types only.
    listTypes: async (caller) =>
      listOf(await cinder.send('GET', 'types?is_public=None', { caller }), 'volume_types', toVolumeType),
    async findSnapshot(id, caller) {
      const answer = await unlessMissing(cinder.send('GET', at('snapshots', id), { caller }))
      return answer && toSnapshot(answer['snapshot'])
    },
    listSnapshots: async (caller) =>
      listOf(await cinder.send('GET', 'snapshots/detail', { caller }), 'snapshots', toSnapshot),
    async createSnapshot({ volumeId, name, description, force }, caller) {
      const json = { snapshot: { volume_id: volumeId, name, description, force } }
      return toSnapshot((await cinder.send('POST', 'snapshots', { caller, json }))['snapshot'])
    },
    async removeSnapshot(id, caller) {
      await cinder.send('DELETE', at('snapshots', id), { caller })
    },

    async beginDetaching(id, caller) {
      await cinder.send('POST', `${at('volumes', id)}/action`, { caller, json: { 'os-begin_detaching': {} } })
    },
    async rollDetaching(id) {
      const json = { 'os-roll_detaching': {} }
      await unlessMissing(cinder.send('POST', `${at('volumes', id)}/action`, { json }))
    },

    reserve: (volumeId, instanceUuid) =>
      attachment('POST', 'attachments', { volume_uuid: volumeId, instance_uuid: instanceUuid }),
    connect: (id, connector, device) =>
      attachment('PUT', at('attachments', id), {
        connector: { ...connector, ...(device !== null && { mountpoint: device }) },
      }),
    async complete(id) {
      await cinder.send('POST', `${at('attachments', id)}/action`, { json: { 'os-complete': id } })
    },
    async findAttachment(id) {
      const answer = await unlessMissing(cinder.send('GET', at('attachments', id)))
      return answer && toAttachment(answer['attachment'])
    },
    async listReservations() {
      const found = await cinder.send('GET', 'attachments/detail?status=reserved&all_tenants=1')
      return listOf(found, 'attachments', toAttachment).filter(({ status }) => status === 'reserved')
    },
    async listAttachments(volumeId) {
      const query = new URLSearchParams({ volume_id: volumeId, all_tenants: '1' })
      return listOf(
        await cinder.send('GET', `attachments/detail?${query.toString()}`),
        'attachments',
        toAttachment,
      )
    },
    async release(id) {
      await unlessMissing(cinder.send('DELETE', at('attachments', id)))
    },
  }
}

const at = (collection: string, id: string): string => `${collection}/${encodeURIComponent(id)}`

async function findVolume(cinder: CinderRequests, id: string, caller?: Caller): Promise<Volume | undefined> {
  const answer = await unlessMissing(cinder.send('GET', at('volumes', id), caller ? { caller } : {}))
  return answer && toVolume(answer['volume'])
}

const listOf = <T>(answer: Readonly<Record<string, unknown>>, key: string, to: (json: unknown) => T): T[] =>
  ((answer[key] ?? []) as unknown[]).map(to)

/** What is left out is Cinder's to decide. */
const volumeBody = (wish: VolumeWish): Readonly<Record<string, unknown>> => ({
  ...(wish.sizeGb !== undefined && { size: wish.sizeGb }),
  ...(wish.name != null && { name: wish.name }),
  ...(wish.description != null && { description: wish.description }),
  ...(wish.volumeType != null && { volume_type: wish.volumeType }),
  ...(wish.availabilityZone != null && { availability_zone: wish.availabilityZone }),
  ...(wish.metadata && { metadata: wish.metadata }),
  ...(wish.snapshotId != null && { snapshot_id: wish.snapshotId }),
  ...(wish.imageId != null && { imageRef: wish.imageId }),
})
