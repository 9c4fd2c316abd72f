/** The disks of a create through HTTP: what is refused and in which words, what is written and reserved, and what is let go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listBlockDevices } from '#db/block-devices.ts'
import { findBuildParams, listLiveOperations } from '#db/operations.ts'
import type { NovaDb } from '#db/schema.ts'
import { IMAGE_ID } from './compute-api.ts'
import { activate, message, startCloud } from './servers-there.ts'

const NOBODY = '00000000-0000-4000-8000-000000000000'
const IMAGE = { source_type: 'image', uuid: IMAGE_ID }
const INVALID = 'Block Device Mapping is Invalid: '
const NO_ORDER = `${INVALID}Boot sequence for the instance and image/block device mapping combination is not valid.`

test('disks that cannot be are refused in Nova’s words', async (t) => {
  const api = await startCloud(t)
  const { volumes } = api.there
  const data = volumes.add()
  const root = volumes.add({ bootable: true })
  const shared = volumes.add({ multiattach: true })
  const taken = volumes.add({ status: 'in-use' })
  const rooted = { source_type: 'image', destination_type: 'local', uuid: IMAGE_ID, boot_index: 0 }
  const volume = (id: string, more: object = {}) => ({ source_type: 'volume', uuid: id, ...more })
  const cases: [object[], string, { at?: string; image?: boolean; more?: object }?][] = [
    [[{ source_type: 'blank', uuid: NOBODY }], `${INVALID}Invalid device UUID.`],
    [[{ source_type: 'image' }], `${INVALID}Missing device UUID.`],
    [[rooted], `${INVALID}Mapping image to local is not supported.`, { image: false }],
    [[{ ...rooted, boot_index: 1 }], `${INVALID}Mapping image to local is not supported.`],
    [
      [{ ...rooted, volume_type: 'x' }],
      `${INVALID}Specifying a volume_type with destination_type=local is not supported.`,
    ],
    [
      [rooted, volume(data.id, { volume_type: 'x' })],
      `${INVALID}Specifying volume type to existing volume is not supported.`,
    ],
    [[volume(data.id)], NO_ORDER],
    [[rooted, volume(root.id, { boot_index: 0 })], NO_ORDER],
    [[rooted, volume(data.id, { boot_index: 2 })], NO_ORDER],
    [[volume(NOBODY, { boot_index: 0 })], `${INVALID}failed to get volume ${NOBODY}.`, { image: false }],
    [[rooted, volume(NOBODY)], `Volume ${NOBODY} could not be found.`],
    [[volume(data.id, { boot_index: 0 })], `Block Device ${data.id} is not bootable.`, { image: false }],
    [[rooted, { source_type: 'snapshot', uuid: NOBODY }], `${INVALID}failed to get snapshot ${NOBODY}.`],
    [
      [rooted, { source_type: 'image', destination_type: 'volume', volume_size: 1, uuid: NOBODY }],
      `${INVALID}failed to get image ${NOBODY}.`,
    ],
    [
      [{ ...IMAGE, destination_type: 'volume', boot_index: 0 }],
      "Images with destination_type 'volume' need to have a non-zero size specified",
      { image: false },
    ],
    [
      [rooted, { source_type: 'blank', destination_type: 'volume' }],
      "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size",
    ],
    [[{ ...rooted, disk_bus: 'string' }], 'Block Device Mapping is Invalid.'],
    [
      [rooted, { source_type: 'blank', destination_type: 'local', volume_size: 1 }],
      'Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor ephemeral size will be used.',
    ],
    [
      [rooted, { source_type: 'blank', destination_type: 'local', guest_format: 'swap', volume_size: 1 }],
      'Swap drive requested is larger than instance type allows.',
    ],
    [
      [
        rooted,
        ...[1, 2].map(() => ({ source_type: 'blank', destination_type: 'local', guest_format: 'swap' })),
      ],
      `${INVALID}More than one swap drive requested.`,
    ],
    [
      [rooted, ...[1, 2, 3].map(() => ({ source_type: 'blank', destination_type: 'local' }))],
      `${INVALID}You specified more local devices than the limit allows`,
    ],
    [
      [rooted, volume(shared.id)],
      'Multiattach volumes are only supported starting with compute API version 2.60.',
      { at: '2.59' },
    ],
    [
      [rooted, volume(data.id)],
      'Cannot attach one or more volumes to multiple instances',
      { more: { max_count: 2 } },
    ],
    [
      [rooted, volume(data.id, { device_name: '/dev/vda' })],
      'The volume cannot be assigned the same device name as the root device vda',
    ],
    [[], 'Missing imageRef attribute', { image: false }],
    [
      [volume(root.id, { boot_index: 0 })],
      'Image certificate validation is not supported when booting from volume',
      { image: false, more: { trusted_image_certificates: ['a'] } },
    ],
  ]
  const create = (disks: object[], { at = '2.94', image = true, more = {} } = {}) => {
    const server = {
      name: 's',
      flavorRef: '42',
      networks: 'none',
      ...(image && { imageRef: IMAGE_ID }),
      ...(disks.length > 0 && { block_device_mapping_v2: disks }),
      ...more,
    }
    return api.send('POST /servers', { at, body: { server } })
  }
  for (const [disks, words, how] of cases) {
    const answer = await create(disks, how)
    assert.deepEqual([answer.status, message(answer.body)], [400, words], JSON.stringify(disks))
  }
  const busy = await create([rooted, volume(data.id), volume(taken.id)])
  assert.equal(busy.status, 400)
  assert.match(message(busy.body), /^Invalid volume: /)
  assert.equal(volumes.attachments.size, 0, 'what was reserved is let go')
  const list = await api.send('GET /servers')
  assert.deepEqual(list.body.servers, [], 'nothing was made')
})

test('a server’s disks are written and its volumes reserved; the conductor hears of them', async (t) => {
  const api = await startCloud(t)
  const { volumes } = api.there
  const root = volumes.add({
    bootable: true,
    sizeGb: 3,
    imageMetadata: { hw_disk_bus: 'scsi', min_ram: '64' },
  })
  const data = volumes.add({ sizeGb: 2 })
  const disks = [
    { source_type: 'volume', uuid: root.id, boot_index: '0', delete_on_termination: true, tag: 'root' },
    { source_type: 'volume', uuid: data.id, device_name: 'vdb' },
    { source_type: 'blank', destination_type: 'volume', volume_size: 5 },
  ]
  const uuid = await api.make({ imageRef: '', block_device_mapping_v2: disks })
  const db = api.db.typed<NovaDb>()
  const written = (await listBlockDevices(db, [uuid])).get(uuid) ?? []
  assert.deepEqual(
    written.map((one) => [
      one.volumeId,
      one.volumeSizeGb,
      one.deviceName,
      one.bootIndex,
      one.deleteOnTermination,
    ]),
    [
      [root.id, 3, '/dev/vda', 0, true],
      [data.id, 2, '/dev/vdb', null, false],
      [null, 5, null, null, false],
    ],
  )
  assert.equal(volumes.attachments.size, 2)
  assert.ok([...volumes.attachments.values()].every(({ instanceUuid }) => instanceUuid === uuid))
  const [operation] = await listLiveOperations(db, uuid)
  const params = await findBuildParams(db, uuid)
  assert.equal(operation?.saga, 'build-server-with-volumes')
  assert.equal(typeof params?.token, 'string', 'the blank one is made in the name of who asks')
  assert.deepEqual([params?.image, params?.spec.isVolumeBacked], [null, true])
  assert.deepEqual(params?.spec.imageProperties, { hw_disk_bus: 'scsi' })
  const shown = (await api.send(`GET /servers/${uuid}`)).body.server as Record<string, unknown>
  assert.equal(shown.image, '')
  assert.deepEqual(shown['os-extended-volumes:volumes_attached'], [{ id: root.id }, { id: data.id }])

  const old = await api.send('POST /servers', {
    at: '2.1',
    body: {
      server: {
        name: 's',
        flavorRef: '42',
        block_device_mapping: [{ device_name: 'vda', volume_id: volumes.add({ bootable: true }).id }],
      },
    },
  })
  assert.equal(old.status, 202, old.text)
  const both = await api.send('POST /servers', {
    at: '2.1',
    body: {
      server: {
        name: 's',
        flavorRef: '42',
        block_device_mapping: [{ volume_id: data.id }],
        block_device_mapping_v2: [{ source_type: 'volume', uuid: data.id }],
      },
    },
  })
  assert.equal(
    message(both.body),
    'Using different block_device_mapping syntaxes is not allowed in the same request.',
  )
})

test('a volume’s type is one of Cinder’s, by name or id, and kept by name', async (t) => {
  const api = await startCloud(t)
  api.there.volumes.types.push({ id: 'type-id', name: 'fast' })
  const blank = { source_type: 'blank', destination_type: 'volume', volume_size: 5 }
  const disks = (...types: string[]) => ({
    block_device_mapping_v2: [
      { ...IMAGE, destination_type: 'local', boot_index: 0 },
      ...types.map((volume_type) => ({ ...blank, volume_type })),
    ],
  })
  const uuid = await api.make(disks('fast', 'type-id', ''), '2.67')
  const written = (await listBlockDevices(api.db.typed<NovaDb>(), [uuid])).get(uuid) ?? []
  assert.deepEqual(
    written.map(({ volumeType }) => volumeType),
    [null, 'fast', 'fast', null],
  )
  const server = { name: 's', imageRef: IMAGE_ID, flavorRef: '42', networks: 'none', ...disks('slow') }
  const refused = await api.send('POST /servers', { at: '2.67', body: { server } })
  assert.deepEqual([refused.status, message(refused.body)], [400, 'Volume type slow could not be found.'])
})

test('volumes that stay in their zone are of the server’s, which goes where they are', async (t) => {
  const api = await startCloud(t, { config: { attachesAcrossZones: false } })
  const { volumes } = api.there
  const [a, b, usual] = ['az1', 'az2', 'nova'].map((availabilityZone) => volumes.add({ availabilityZone }).id)
  const disks = (...uuids: (string | undefined)[]) => ({
    block_device_mapping_v2: [
      { ...IMAGE, destination_type: 'local', boot_index: 0 },
      ...uuids.map((uuid) => ({ source_type: 'volume', uuid })),
    ],
  })
  const zoneOf = async (uuid: string) =>
    (await findBuildParams(api.db.typed<NovaDb>(), uuid))?.spec.availabilityZone
  const server = { name: 's', imageRef: IMAGE_ID, flavorRef: '42', networks: 'none', ...disks(a, b) }
  const refused = await api.send('POST /servers', { at: '2.67', body: { server } })
  assert.deepEqual(
    [refused.status, message(refused.body)],
    [
      400,
      'The availability zone between the server and its attached volumes do not match: Volumes are in different availability zones: az1,az2.',
    ],
  )
  assert.equal(await zoneOf(await api.make(disks(a))), 'az1')
  assert.equal(await zoneOf(await api.make(disks(usual))), null)
  const uuid = await api.make()
  await activate(api, uuid)
  const far = await api.send(`POST /servers/${uuid}/os-volume_attachments`, {
    body: { volumeAttachment: { volumeId: b } },
  })
  assert.equal(far.status, 400)
  assert.match(message(far.body), /^Invalid volume: Instance .* are not in the same availability_zone\./)
})
