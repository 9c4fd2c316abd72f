/** Volumes: made, listed, shown, changed, deleted; their metadata. */
import { badRequest, isFault, notFound } from '#lib/fault.ts'
import { requireWriter } from '../caller.ts'
import { noType } from '../faults.ts'
import { countOf, pageOf } from '../list-query.ts'
import { requireQuota } from '../quotas.ts'
import { completeVolumes, findType, findVolumeRow, listVolumeRows, updateVolume } from '../store.ts'
import { DEFAULT_TYPE, type VolumeRow } from '../tables.ts'
import { briefVolume, fullVolume, textsOf } from '../views.ts'
import { isCopyable } from '../work.ts'
import {
  bodyOf,
  type Call,
  flagOf,
  isEverybodys,
  metadataOf,
  type Reply,
  type Routes,
  seeSnapshot,
  seeVolume,
  sizeOf,
  textOf,
} from './context.ts'
import { mayUse } from './volume-types.ts'
import { removeVolume } from './volume-actions.ts'

const ZONE = 'nova'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function addVolumeRoutes(routes: Routes): void {
  const { on, store, clock } = routes
  on('POST', '/volumes', (call) => create(routes, call))
  on('GET', '/volumes', (call) => list(routes, call, false))
  on('GET', '/volumes/detail', (call) => list(routes, call, true))
  on('GET', '/volumes/:id', async (call) => ({
    body: { volume: fullVolume(await seeVolume(routes, call, call.params['id'] ?? ''), call.view) },
  }))
  on('PUT', '/volumes/:id', async (call) => {
    requireWriter(call.caller, 'volume:update')
    const { row } = await seeVolume(routes, call, call.params['id'] ?? '')
    const body = bodyOf(call, 'volume')
    const has = (field: string) => Object.hasOwn(body, field)
    const name = has('name') ? 'name' : 'display_name'
    const description = has('description') ? 'description' : 'display_description'
    const changes = {
      ...(has(name) && { name: textOf(body, name) }),
      ...(has(description) && { description: textOf(body, description) }),
      ...(has('metadata') && { metadata: JSON.stringify(metadataOf(body)) }),
    }
    await updateVolume(store.db, row.id, changes, clock.now())
    return { body: { volume: fullVolume(await seeVolume(routes, call, row.id), call.view, true) } }
  })
  on('DELETE', '/volumes/:id', async (call) => {
    requireWriter(call.caller, 'volume:delete')
    const { row } = await seeVolume(routes, call, call.params['id'] ?? '')
    await removeVolume(routes, row.id, {
      cascade: call.query['cascade']?.toLowerCase() === 'true',
      force: false,
    })
    return { status: 202 }
  })
  addMetadataRoutes(routes)
}

async function create(routes: Routes, call: Call): Promise<Reply> {
  const { store, ids, clock, work } = routes
  const { caller } = call
  requireWriter(caller, 'volume:create')
  const body = bodyOf(call, 'volume')
  const source = await sourceOf(routes, call, body)
  // An empty name is none: a form sends it where nothing is chosen.
  const typeName = textOf(body, 'volume_type') || DEFAULT_TYPE
  const type = await findType(store.db, typeName)
  if (!type || !mayUse(caller, type)) throw noType(UUID.test(typeName) ? typeName : `with name ${typeName}`)
  const zone = textOf(body, 'availability_zone') ?? ZONE
  if (zone !== ZONE) throw badRequest(`Invalid input received: Availability zone '${zone}' is invalid.`)
  const row: VolumeRow = {
    id: ids.uuid(),
    project_id: caller.projectId,
    user_id: caller.userId,
    name: textOf(body, 'name') ?? textOf(body, 'display_name'),
    description: textOf(body, 'description') ?? textOf(body, 'display_description'),
    status: 'creating',
    size: source.size,
    bootable: Number(source.bootable),
    multiattach: Number(
      flagOf(body, 'multiattach') || textsOf(type.extra_specs)['multiattach'] === '<is> True',
    ),
    readonly: 0,
    availability_zone: zone,
    volume_type_id: type.id,
    snapshot_id: source.snapshotId,
    source_volid: source.volumeId,
    metadata: JSON.stringify(metadataOf(body)),
    image_metadata: JSON.stringify(source.imageMetadata),
    created_at: clock.now(),
    updated_at: null,
  }
  await store.transaction(async (trx) => {
    await requireQuota(trx, caller.projectId, 'volumes', row.size)
    await trx.insertInto('cinder_volume').values(row).execute()
  })
  work.makeVolume(row, source.imageId)
  return { status: 202, body: { volume: fullVolume({ row, type, attachments: [] }, call.view, true) } }
}

interface Source {
  readonly size: number
  readonly bootable: boolean
  readonly snapshotId: string | null
  readonly volumeId: string | null
  readonly imageId: string | null
  readonly imageMetadata: Readonly<Record<string, string>>
}

/** What the volume begins with. Throws Cinder's refusals. */
async function sourceOf(
  routes: Routes,
  call: Call,
  body: Readonly<Record<string, unknown>>,
): Promise<Source> {
  const asked = sizeOf(body, 'size')
  const snapshotId = textOf(body, 'snapshot_id')
  const volumeId = textOf(body, 'source_volid')
  const imageId = textOf(body, 'imageRef') ?? textOf(body, 'image_id')
  const nothing = { bootable: false, snapshotId: null, volumeId: null, imageId: null, imageMetadata: {} }
  if (snapshotId !== null || volumeId !== null) {
    const snapshot = snapshotId === null ? undefined : await seeSnapshot(routes, call, snapshotId)
    if (snapshot && snapshot.status !== 'available')
      throw badRequest(`Invalid snapshot: Originating snapshot status must be one of 'available' values`)
    const from = await seeVolume(routes, call, snapshot?.volume_id ?? volumeId ?? '')
    if (!snapshot && !(await isCopyable(routes.store, from.row.id)))
      throw badRequest('Invalid volume: Source volume must be available or in-use.')
    const least = snapshot?.size ?? from.row.size
    const size = asked ?? least
    const kind = snapshot ? 'snapshot' : 'source volume'
    if (size < least)
      throw badRequest(
        `Invalid input received: Volume size '${size}'GB cannot be smaller than the ${kind} size ${least}GB. They must be >= original ${kind} size.`,
      )
    const { bootable, image_metadata: imageMetadata } = from.row
    return {
      ...nothing,
      size,
      bootable: bootable === 1,
      imageMetadata: textsOf(imageMetadata),
      ...(snapshot ? { snapshotId } : { volumeId }),
    }
  }
  if (asked === undefined)
    throw badRequest(
      'Invalid input received: Invalid volume size provided for create request: None (size argument must be an integer (or string representation of an integer) and greater than zero).',
    )
  if (imageId === null) return { ...nothing, size: asked }
  return {
    ...nothing,
    size: asked,
    bootable: true,
    imageId,
    imageMetadata: await imageNotes(routes, call, imageId, asked),
  }
}

const GIB = 2 ** 30

/** What the volume remembers of its image; the image must be one the caller sees, and fit. */
async function imageNotes({ images }: Routes, { caller }: Call, id: string, sizeGb: number) {
  const image = UUID.test(id) ? await seen(images.find(id, caller)) : undefined
  if (!image) throw badRequest('Invalid image identifier or unable to access requested image.')
  if (image.status !== 'active') throw badRequest(`Invalid input received: Image ${id} is not active.`)
  const least = Math.max(image.minDiskGb, Math.ceil((image.virtualSize ?? image.size ?? 0) / GIB))
  if (sizeGb < least)
    throw badRequest(
      image.minDiskGb > sizeGb
        ? `Invalid input received: Volume size ${sizeGb}GB cannot be smaller than the image minDisk size ${image.minDiskGb}GB.`
        : `Invalid input received: Size of specified image ${least}GB is larger than volume size ${sizeGb}GB.`,
    )
  const text = (value: string | number | null) => (value === null ? {} : String(value))
  const notes = {
    image_id: image.id,
    image_name: text(image.name),
    checksum: text(image.checksum),
    container_format: text(image.containerFormat),
    disk_format: text(image.diskFormat),
    min_disk: String(image.minDiskGb),
    min_ram: String(image.minRamMb),
    size: text(image.size),
    ...image.properties,
  }
  return Object.fromEntries(
    Object.entries(notes).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

async function seen<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (isFault(error, 'forbidden')) return undefined
    throw error
  }
}

const FILTERS = {
  name: (row: VolumeRow) => row.name,
  display_name: (row: VolumeRow) => row.name,
  status: (row: VolumeRow) => row.status,
  id: (row: VolumeRow) => row.id,
  bootable: (row: VolumeRow) => String(row.bootable === 1),
  multiattach: (row: VolumeRow) => String(row.multiattach === 1),
  size: (row: VolumeRow) => row.size,
  project_id: (row: VolumeRow) => row.project_id,
  user_id: (row: VolumeRow) => row.user_id,
  availability_zone: (row: VolumeRow) => row.availability_zone,
  snapshot_id: (row: VolumeRow) => row.snapshot_id,
  source_volid: (row: VolumeRow) => row.source_volid,
}

async function list({ store }: Routes, call: Call, detailed: boolean): Promise<Reply> {
  const { caller, query, view } = call
  const page = pageOf(
    await listVolumeRows(store.db, isEverybodys(call) ? undefined : caller.projectId),
    query,
    FILTERS,
  )
  const volumes = await completeVolumes(store.db, page.rows)
  const path = `/v3/${caller.projectId}/volumes${detailed ? '/detail' : ''}`
  return {
    body: {
      volumes: volumes.map((volume) => (detailed ? fullVolume(volume, view) : briefVolume(volume, view))),
      ...countOf(call, page.total),
      ...(page.next !== undefined && {
        volumes_links: [
          {
            rel: 'next',
            href: `${view.selfUrl}${path}?${new URLSearchParams({ ...query, marker: page.next }).toString()}`,
          },
        ],
      }),
    },
  }
}

function addMetadataRoutes(routes: Routes): void {
  const { on, store, clock } = routes
  const change = async (call: Call, work: (own: Record<string, string>) => Record<string, string>) => {
    requireWriter(call.caller, 'volume:update_volume_metadata')
    const { row } = await seeVolume(routes, call, call.params['id'] ?? '')
    return store.transaction(async (trx) => {
      const metadata = work(textsOf((await findVolumeRow(trx, row.id))?.metadata ?? '{}'))
      await updateVolume(trx, row.id, { metadata: JSON.stringify(metadata) }, clock.now())
      return metadata
    })
  }
  const of = (call: Call) => metadataOf(call.body as Record<string, unknown>)
  on('GET', '/volumes/:id/metadata', async (call) => {
    const { row } = await seeVolume(routes, call, call.params['id'] ?? '')
    return { body: { metadata: textsOf(row.metadata) } }
  })
  on('POST', '/volumes/:id/metadata', async (call) => {
    const more = of({ ...call, body: call.body ?? {} })
    return { body: { metadata: await change(call, (own) => ({ ...own, ...more })) } }
  })
  on('PUT', '/volumes/:id/metadata', async (call) => {
    const all = of({ ...call, body: call.body ?? {} })
    return { body: { metadata: await change(call, () => all) } }
  })
  on('DELETE', '/volumes/:id/metadata/:key', async (call) => {
    const { key = '' } = call.params
    await change(call, ({ [key]: value, ...rest }) => {
      if (value === undefined) throw notFound(`Metadata item was not found`)
      return rest
    })
    return {}
  })
}
