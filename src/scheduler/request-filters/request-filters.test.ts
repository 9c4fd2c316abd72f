/** Request filters: what they ask of Placement for whom, and that a zone is found whether Placement knows it or not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SchedulerConfig } from '../config.ts'
import { needsOf } from '../resources.ts'
import { cloudOf, type CloudOptions, nodeOf, specOf, zoneOf } from '../small-cloud.fixture.ts'

const ALWAYS_FORBIDDEN = ['COMPUTE_STATUS_DISABLED']

async function asked(config: Partial<SchedulerConfig>, spec = specOf(), options: Partial<CloudOptions> = {}) {
  const cloud = cloudOf({ nodes: ['a', 'b', 'c'].map((host) => nodeOf(host)), ...options, config })
  const { selections, explanation } = await cloud.select(spec)
  const hosts = (selections[0] ?? []).map(({ host }) => host).toSorted((a, b) => a.localeCompare(b))
  return { hosts, explanation, queries: cloud.asked }
}

test('flavors and images that ask for more need hosts with the trait of it', async () => {
  const both = { imageMetadataPrefilter: true, queryPlacementForImageTypeSupport: true }
  const cases: [Partial<SchedulerConfig>, Record<string, string>, Record<string, string>, string[]][] = [
    [both, {}, {}, []],
    [{}, {}, { hw_disk_bus: 'scsi' }, []],
    [
      both,
      {},
      { hw_disk_bus: 'scsi', hw_vif_model: 'ne2k-pci', hw_architecture: 'x86_64' },
      ['COMPUTE_STORAGE_BUS_SCSI', 'COMPUTE_NET_VIF_MODEL_NE2K_PCI', 'HW_ARCH_X86_64'],
    ],
    [both, {}, { hw_disk_bus: 'scsi', hw_video_model: 'no, such' }, []],
    [
      {},
      { 'accel:device_profile': 'gpu', 'hw:sound_model': 'virtio' },
      {},
      ['COMPUTE_ACCELERATORS', 'COMPUTE_SOUND_MODEL_VIRTIO'],
    ],
    [{}, { 'hw:sound_model': 'usb', 'hw:virtio_packed_ring': 'no' }, { hw_sound_model: 'virtio' }, []],
    [{}, { 'hw:virtio_packed_ring': 'Yes' }, {}, ['COMPUTE_NET_VIRTIO_PACKED']],
    [
      {},
      { 'hw:ephemeral_encryption': 'true' },
      { hw_ephemeral_encryption_format: 'luks' },
      ['COMPUTE_EPHEMERAL_ENCRYPTION', 'COMPUTE_EPHEMERAL_ENCRYPTION_LUKS'],
    ],
    [{}, { 'hw:ephemeral_encryption': 'false' }, { hw_ephemeral_encryption_format: 'luks' }, []],
    [
      {},
      { 'hw:tpm_version': '2.0', 'hw:tpm_secret_security': 'host' },
      {},
      ['COMPUTE_SECURITY_TPM_2_0', 'COMPUTE_SECURITY_TPM_SECRET_SECURITY_HOST'],
    ],
    [
      {},
      {},
      { hw_tpm_version: '1.2' },
      ['COMPUTE_SECURITY_TPM_1_2', 'COMPUTE_SECURITY_TPM_SECRET_SECURITY_USER'],
    ],
    [
      {},
      { 'trait:A': 'required', 'trait:B': 'forbidden' },
      { 'trait:A': 'required', 'trait:C': 'required', 'trait:D': 'forbidden' },
      ['A', 'C'],
    ],
  ]
  for (const [config, extraSpecs, imageProperties, expected] of cases) {
    const { queries } = await asked(config, specOf({ imageProperties }, { extraSpecs }))
    assert.deepEqual(queries[0]?.requiredTraits, expected, JSON.stringify([extraSpecs, imageProperties]))
  }
  assert.deepEqual(needsOf(specOf()).requiredTraits, [])
})

test('images of a known format need hosts that read it, unless they are in a volume', async () => {
  const of = async (imageDiskFormat: string | null, isVolumeBacked = false) => {
    const config = { queryPlacementForImageTypeSupport: true }
    return (await asked(config, specOf({ imageDiskFormat, isVolumeBacked }))).queries[0]?.requiredTraits
  }
  assert.deepEqual(await of('qcow2'), ['COMPUTE_IMAGE_TYPE_QCOW2'])
  assert.deepEqual([await of('qcow2', true), await of('docker'), await of(null)], [[], [], []])
})

test('a zone is asked of Placement, and looked for otherwise when Placement knows none of its hosts', async () => {
  const aggregates = [
    zoneOf('az1', ['b']),
    { ...zoneOf('az1', ['c']), uuid: 'another' },
    zoneOf('az2', ['a']),
  ]
  const inZone = specOf({ availabilityZone: 'az1' })
  const told = await asked({}, inZone, { aggregates })
  assert.deepEqual(told.hosts, ['b', 'c'])
  assert.deepEqual(
    told.queries.map(({ memberOf }) => memberOf),
    [[['aggregate-az1', 'another']]],
  )
  const untold = await asked({}, inZone, { aggregates, isUntold: true })
  assert.deepEqual([untold.hosts, untold.queries.length], [['b', 'c'], 2])
  const nodes = [nodeOf('a')]
  const elsewhere = await asked({}, inZone, { aggregates, nodes })
  assert.match(
    elsewhere.explanation,
    /1 host has room for it, but of these 1 is not in availability zone az1/,
  )
  for (const zone of ['nova', 'unheard-of']) {
    const { queries } = await asked({}, specOf({ availabilityZone: zone }), {
      aggregates: [zoneOf('nova', ['a'])],
    })
    assert.deepEqual(queries[0]?.memberOf, [], zone)
  }
})

test('a project stays in its aggregates, also where they have no hosts, and hears when it must have some', async () => {
  const config = { limitTenantsToPlacementAggregate: true }
  const mine = (hosts: readonly string[]) => [
    { ...zoneOf('own', hosts), metadata: { filter_tenant_id3: 'project' } },
  ]
  assert.deepEqual((await asked(config, specOf(), { aggregates: mine(['b']) })).hosts, ['b'])
  assert.deepEqual((await asked(config, specOf(), { aggregates: mine([]) })).hosts, [])
  assert.deepEqual((await asked(config, specOf())).hosts, ['a', 'b', 'c'])
  const must = await asked({ ...config, placementAggregateRequiredForTenants: true })
  assert.deepEqual([must.hosts, must.queries], [[], []])
  assert.equal(must.explanation, 'There are not enough hosts available: No hosts available for tenant')
  assert.deepEqual((await asked({})).queries[0]?.forbiddenTraits, ALWAYS_FORBIDDEN)
})
