/** Volumes and snapshots in Nova's older words, of Cinder's. */
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { type Fault, notFound } from '#lib/fault.ts'
import { constant, isTrue, object, required, t, wrapped, operation } from '#lib/versioned/index.ts'
import type { Caller, Snapshot, Volume } from '#neighbours/volumes/port.ts'
import { anyQuery, ENDED, limited, pageQuery, refusing } from './ended.ts'

const RULE = 'os_compute_api:os-volumes'

const volumeView = (volume: Volume) => ({
  id: volume.id,
  status: volume.status,
  size: volume.sizeGb,
  availabilityZone: volume.availabilityZone,
  createdAt: volume.createdAt,
  attachments:
    volume.attachments.length === 0
      ? [{}]
      : volume.attachments.map(({ serverId, device }) => ({
          id: volume.id,
          volumeId: volume.id,
          serverId,
          ...(device !== null && { device }),
        })),
  displayName: volume.name,
  displayDescription: volume.description,
  volumeType: volume.volumeType,
  snapshotId: volume.snapshotId,
  metadata: volume.metadata,
})

const snapshotView = (snapshot: Snapshot) => ({
  id: snapshot.id,
  volumeId: snapshot.volumeId,
  status: snapshot.status,
  size: snapshot.sizeGb,
  createdAt: snapshot.createdAt,
  displayName: snapshot.name,
  displayDescription: snapshot.description,
})

const createVolume = operation({
  ...ENDED,
  path: 'POST /os-volumes',
  policy: `${RULE}:create`,
  body: wrapped(
    'volume',
    object({
      volume_type: t.string(),
      metadata: constant<Readonly<Record<string, string>>>({
        type: 'object',
        properties: {},
        additionalProperties: true,
      }),
      snapshot_id: t.string(),
      size: required(t.integer({ minimum: 1 })),
      availability_zone: t.string(),
      display_name: t.string(),
      display_description: t.string(),
    }),
  ),
})

const createSnapshot = operation({
  ...ENDED,
  path: 'POST /os-snapshots',
  policy: `${RULE}:snapshots:create`,
  body: wrapped(
    'snapshot',
    object({
      volume_id: required(t.string()),
      force: t.flag,
      display_name: t.string(),
      display_description: t.string(),
    }),
  ),
})

const callerOf = ({ token, context }: Pick<Call<unknown, unknown, never>, 'token' | 'context'>): Caller => ({
  token,
  projectId: context.projectId ?? '',
})
const noVolume = (id: string): Fault => notFound(`Volume ${id} could not be found.`)
const noSnapshot = (id: string): Fault => notFound(`Snapshot ${id} could not be found.`)

export const volumeRoutes = (services: Services): readonly Route[] => [
  ...ofVolumes(services),
  ...ofSnapshots(services),
]

function ofVolumes({ volumes, config }: Services): readonly Route[] {
  const list = (path: string, rule: string): Route =>
    serve(
      operation({ ...ENDED, path: `GET ${path}`, policy: `${RULE}:${rule}`, query: pageQuery }),
      async (call) => {
        const found = limited(await volumes.list(callerOf(call)), call.query, config.maxLimit)
        return { body: { volumes: found.map(volumeView) } }
      },
    )
  return [
    list('/os-volumes', 'list'),
    list('/os-volumes/detail', 'detail'),
    serve(
      operation({ ...ENDED, path: 'GET /os-volumes/{id}', policy: `${RULE}:show`, query: anyQuery }),
      async (call) => {
        const id = call.params['id'] ?? ''
        const volume = await volumes.find(id, callerOf(call))
        if (!volume) throw noVolume(id)
        return { body: { volume: volumeView(volume) } }
      },
    ),
    serve(createVolume, async (call) => {
      const { volume: wish } = call.body
      const caller = callerOf(call)
      const snapshotId = wish.snapshot_id ?? null
      if (snapshotId !== null && !(await volumes.findSnapshot(snapshotId, caller)))
        throw noSnapshot(snapshotId)
      const made = volumes.create(
        {
          sizeGb: Number(wish.size),
          snapshotId,
          name: wish.display_name ?? null,
          description: wish.display_description ?? null,
          volumeType: wish.volume_type ?? null,
          availabilityZone: wish.availability_zone ?? null,
          ...(wish.metadata && { metadata: wish.metadata }),
        },
        caller,
      )
      const volume = await refusing(made, { tooLarge: ['forbidden'] })
      const headers = { location: call.links.self('os-volumes', volume.id) }
      return { body: { volume: volumeView(volume) }, headers }
    }),
    serve(
      operation({ ...ENDED, path: 'DELETE /os-volumes/{id}', policy: `${RULE}:delete`, status: 202 }),
      async (call) => {
        await volumes.remove(call.params['id'] ?? '', callerOf(call))
        return {}
      },
    ),
  ]
}

function ofSnapshots({ volumes, config }: Services): readonly Route[] {
  const list = (path: string, rule: string): Route =>
    serve(
      operation({ ...ENDED, path: `GET ${path}`, policy: `${RULE}:snapshots:${rule}`, query: pageQuery }),
      async (call) => {
        const found = limited(await volumes.listSnapshots(callerOf(call)), call.query, config.maxLimit)
        return { body: { snapshots: found.map(snapshotView) } }
      },
    )
  return [
    list('/os-snapshots', 'list'),
    list('/os-snapshots/detail', 'detail'),
    serve(
      operation({
        ...ENDED,
        path: 'GET /os-snapshots/{id}',
        policy: `${RULE}:snapshots:show`,
        query: anyQuery,
      }),
      async (call) => {
        const id = call.params['id'] ?? ''
        const snapshot = await volumes.findSnapshot(id, callerOf(call))
        if (!snapshot) throw noSnapshot(id)
        return { body: { snapshot: snapshotView(snapshot) } }
      },
    ),
    serve(createSnapshot, async (call) => {
      const {
        volume_id: volumeId,
        display_name: name,
        display_description: description,
        force,
      } = call.body.snapshot
      const made = volumes.createSnapshot(
        { volumeId, name: name ?? null, description: description ?? null, force: isTrue(force) },
        callerOf(call),
      )
      return { body: { snapshot: snapshotView(await refusing(made, { tooLarge: ['forbidden'] })) } }
    }),
    serve(
      operation({
        ...ENDED,
        path: 'DELETE /os-snapshots/{id}',
        policy: `${RULE}:snapshots:delete`,
        status: 202,
      }),
      async (call) => {
        await volumes.removeSnapshot(call.params['id'] ?? '', callerOf(call))
        return {}
      },
    ),
  ]
}
