/** What is around volumes: limits, quotas, zones, services, extensions, versions. */
import { notFound } from '#lib/fault.ts'
import type { HttpApp } from '#lib/http/index.ts'
import { MAX_MINOR, requireAdmin } from '../caller.ts'
import { DEFAULT_CLASS, quotasOf, setQuotas, usageOf } from '../quotas.ts'
import { HOST, isoTime } from '../views.ts'
import { bodyOf, type Call, type Routes } from './context.ts'

export function addVersionRoutes(app: HttpApp, selfUrl: () => string): void {
  const versions = () => ({
    versions: [
      {
        id: 'v3.0',
        status: 'CURRENT',
        version: `3.${MAX_MINOR}`,
        min_version: '3.0',
        updated: '2022-08-31T00:00:00Z',
        links: [
          { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' },
          { rel: 'self', href: `${selfUrl()}/v3/` },
        ],
        'media-types': [
          { base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' },
        ],
      },
    ],
  })
  app.get('/', async (_request, reply) => reply.code(300).send(versions()))
  app.get('/v3', async () => versions())
}

export function addQuotaRoutes({ on, store }: Routes): void {
  const allowed = ({ caller, params }: Call): string => {
    const { id = '' } = params
    if (id !== caller.projectId) requireAdmin(caller, 'volume_extension:quotas:show')
    return id
  }
  on('GET', '/limits', async ({ caller }) => {
    const quotas = await quotasOf(store.db, caller.projectId)
    const used = await usageOf(store.db, caller.projectId)
    const absolute = {
      maxTotalVolumes: quotas.volumes,
      maxTotalSnapshots: quotas.snapshots,
      maxTotalVolumeGigabytes: quotas.gigabytes,
      maxTotalBackups: quotas.backups,
      maxTotalBackupGigabytes: quotas.backup_gigabytes,
      totalVolumesUsed: used.volumes,
      totalGigabytesUsed: used.gigabytes,
      totalSnapshotsUsed: used.snapshots,
      totalBackupsUsed: 0,
      totalBackupGigabytesUsed: 0,
    }
    return { body: { limits: { rate: [], absolute } } }
  })
  on('GET', '/os-quota-sets/:id', async (call) => {
    const id = allowed(call)
    const quotas = await quotasOf(store.db, id)
    if (call.query['usage']?.toLowerCase() !== 'true') return { body: { quota_set: { id, ...quotas } } }
    const used = await usageOf(store.db, id)
    const details = Object.entries(quotas).map(([name, limit]) => [
      name,
      { limit, in_use: used[name as keyof typeof used], reserved: 0 },
    ])
    return { body: { quota_set: { id, ...Object.fromEntries(details) } } }
  })
  on('GET', '/os-quota-sets/:id/defaults', async (call) => ({
    body: { quota_set: { id: allowed(call), ...(await quotasOf(store.db, DEFAULT_CLASS)) } },
  }))
  on('PUT', '/os-quota-sets/:id', async (call) => {
    requireAdmin(call.caller, 'volume_extension:quotas:update')
    const { id = '' } = call.params
    await setQuotas(store.db, id, bodyOf(call, 'quota_set'))
    return { body: { quota_set: await quotasOf(store.db, id) } }
  })
  on('DELETE', '/os-quota-sets/:id', async (call) => {
    requireAdmin(call.caller, 'volume_extension:quotas:delete')
    await store.db
      .deleteFrom('cinder_quota')
      .where('project_id', '=', call.params['id'] ?? '')
      .execute()
    return {}
  })
  on('GET', '/os-quota-class-sets/:id', async ({ params }) => ({
    body: { quota_class_set: { id: params['id'], ...(await quotasOf(store.db, DEFAULT_CLASS)) } },
  }))
  on('PUT', '/os-quota-class-sets/:id', async (call) => {
    requireAdmin(call.caller, 'volume_extension:quota_classes:update')
    if (call.params['id'] !== DEFAULT_CLASS) throw notFound('The resource could not be found.')
    await setQuotas(store.db, DEFAULT_CLASS, bodyOf(call, 'quota_class_set'))
    return { body: { quota_class_set: await quotasOf(store.db, DEFAULT_CLASS) } }
  })
}

/** By alias, the parts of the API that are here, in the words in which Cinder tells them. */
const EXTENSIONS = Object.entries({
  'os-vol-image-meta': ['VolumeImageMetadata', 'Show image metadata associated with the volume.'],
  'os-used-limits': ['UsedLimits', 'Provide data on limited resources that are being used.'],
  'os-admin-actions': ['AdminActions', 'Enable admin actions.'],
  'os-types-extra-specs': ['TypesExtraSpecs', 'Type extra specs support.'],
  'os-types-manage': ['TypesManage', 'Types manage support.'],
  'os-quota-sets': ['Quotas', 'Quota management support.'],
  'os-quota-class-sets': ['QuotaClasses', 'Quota classes management support.'],
  'os-volume-actions': ['VolumeActions', 'Enable volume actions.'],
  'os-snapshot-actions': ['SnapshotActions', 'Enable snapshot manager actions.'],
  'os-availability-zone': ['AvailabilityZones', 'Describe Availability Zones.'],
  'os-services': ['Services', 'Services support.'],
  'os-extended-services': ['ExtendedServices', 'Extended services support.'],
  'os-extended-snapshot-attributes': ['ExtendedSnapshotAttributes', 'Extended SnapshotAttributes support.'],
  'os-vol-host-attr': ['VolumeHostAttribute', 'Expose host as an attribute of a volume.'],
  'os-vol-mig-status-attr': [
    'VolumeMigStatusAttribute',
    'Expose migration_status as an attribute of a volume.',
  ],
  'os-vol-tenant-attr': [
    'VolumeTenantAttribute',
    'Expose the internal project_id as an attribute of a volume.',
  ],
  'os-volume-transfer': ['VolumeTransfer', 'Volume transfer management support.'],
}).map(([alias, [name, description]]) => ({
  name,
  alias,
  description,
  updated: '2013-05-29T00:00:00+00:00',
  links: [],
}))

export function addCloudRoutes({ on, clock }: Routes): void {
  on('GET', '/os-availability-zone', async () => ({
    body: { availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true } }] },
  }))
  on('GET', '/extensions', async () => ({ body: { extensions: EXTENSIONS } }))
  on('GET', '/scheduler-stats/get_pools', async ({ caller, query }) => {
    requireAdmin(caller, 'scheduler_extension:scheduler_stats:get_pools')
    const capabilities = {
      volume_backend_name: 'files',
      vendor_name: 'none',
      driver_version: '1.0',
      storage_protocol: 'file',
      total_capacity_gb: 'unknown',
      free_capacity_gb: 'unknown',
      reserved_percentage: 0,
      QoS_support: false,
      multiattach: true,
      timestamp: isoTime(clock.now()),
    }
    return {
      body: {
        pools: [{ name: HOST, ...(query['detail']?.toLowerCase() === 'true' && { capabilities }) }],
      },
    }
  })
  on('GET', '/os-services', async ({ caller }) => {
    requireAdmin(caller, 'volume_extension:services:index')
    const service = (binary: string, host: string) => ({
      binary,
      host,
      zone: 'nova',
      status: 'enabled',
      state: 'up',
      updated_at: isoTime(clock.now()),
      disabled_reason: null,
    })
    return {
      body: {
        services: [service('cinder-volume', 'stand-in@files'), service('cinder-scheduler', 'stand-in')],
      },
    }
  })
}
