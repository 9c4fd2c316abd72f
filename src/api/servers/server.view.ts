/** How a server looks, at each microversion: in lists, alone, and in the answer to a change. */
import type { Links } from '#api/kernel/index.ts'
import type { AttachedVolume } from '#db/block-devices.ts'
import { isoMicroseconds, isoSeconds } from '#lib/iso-time.ts'
import { nested, shownDuring, shownSince, type Show, view } from '#lib/versioned/index.ts'
import type { Flavor } from '#model/flavor/index.ts'
import { type Instance, type InstanceFault, hostIdOf, instanceName, statusOf } from '#model/instance/index.ts'
import { addressesOf } from './addresses.view.ts'
import { hintsOf, imagePropertiesOf, pinnedZoneOf } from './notes.ts'

/** What a server's view must know beside the instance: loaded for all rows at once. */
export interface ServerContext {
  readonly links: Links
  readonly isAdmin: boolean
  /** The caller may see host, name on the host, and the like. */
  readonly extendedAttributes: boolean
  readonly flavorExtraSpecs: boolean
  readonly faults: ReadonlyMap<string, InstanceFault>
  readonly volumes: ReadonlyMap<string, readonly AttachedVolume[]>
  /** Hosts' ids that were made already, by project and host. */
  readonly hostIds: Map<string, string>
  /** The group that the one server is in; of a list nobody is told. */
  readonly serverGroup?: string | undefined
  /** The state of the instance's host; undefined where the caller may not see it. */
  hostStatus(instance: Instance): string | undefined
}

type Field = Show<Instance, ServerContext>

const PROGRESSING: ReadonlySet<string> = new Set([
  'ACTIVE',
  'BUILD',
  'REBUILD',
  'RESIZE',
  'VERIFY_RESIZE',
  'MIGRATING',
])
const status = (instance: Instance) => statusOf(instance.vmState, instance.taskState)

/** Tells a project's servers on one host apart from those on others, without telling which host. */
const hostId: Field = ({ projectId, host }, { hostIds }) => {
  if (host === null) return ''
  const key = `${projectId}${host}`
  const known = hostIds.get(key)
  if (known !== undefined) return known
  const made = hostIdOf(projectId, host)
  hostIds.set(key, made)
  return made
}

const volumesAttached = ({ uuid }: Instance, { volumes }: ServerContext) =>
  (volumes.get(uuid) ?? []).map(({ volumeId, deleteOnTermination }) => ({
    id: volumeId,
    delete_on_termination: deleteOnTermination,
  }))

const fault: Field = (instance, { faults, isAdmin }) => {
  const found = faults.get(instance.uuid)
  if (!found || !['ERROR', 'DELETED'].includes(status(instance))) return undefined
  const { code, message, details, createdAt } = found
  const mayRead = details !== null && details !== '' && (isAdmin || code !== 500)
  return { code, created: isoSeconds(createdAt), message, ...(mayRead && { details }) }
}

const image =
  (properties: boolean): Field =>
  (instance, { links }) => {
    if (instance.imageRef === '') return ''
    const bookmark = { rel: 'bookmark', href: `${links.bookmarkBase}/images/${instance.imageRef}` }
    return {
      id: instance.imageRef,
      links: [bookmark],
      ...(properties && { properties: imagePropertiesOf(instance) }),
    }
  }

const flavorAsWas = view<Flavor, ServerContext>({
  vcpus: (flavor) => flavor.vcpus,
  ram: (flavor) => flavor.memoryMb,
  disk: (flavor) => flavor.rootGb,
  ephemeral: (flavor) => flavor.ephemeralGb,
  swap: (flavor) => flavor.swapMb,
  original_name: (flavor) => flavor.name,
  extra_specs: (flavor, { flavorExtraSpecs }) => (flavorExtraSpecs ? flavor.extraSpecs : undefined),
})

const flavor = shownDuring<Instance, ServerContext>({
  '..2.46': ({ flavor: { flavorId } }, { links }) => ({
    id: flavorId,
    links: [{ rel: 'bookmark', href: `${links.bookmarkBase}/flavors/${flavorId}` }],
  }),
  '2.47..': nested(flavorAsWas, (instance) => instance.flavor),
})

const links: Field = (instance, context) => context.links.of('servers', instance.uuid)

/** Only those who may see hosts see it. */
const extended =
  (show: (instance: Instance) => unknown): Field =>
  (instance, { extendedAttributes }) =>
    extendedAttributes ? show(instance) : undefined
const extendedSince = (version: string, show: (instance: Instance) => unknown) =>
  shownSince(version, extended(show))

export const briefServer = view<Instance, { readonly links: Links }>({
  id: (instance) => instance.uuid,
  name: (instance) => instance.displayName,
  links: (instance, { links }) => links.of('servers', instance.uuid),
})

/** In every answer that shows a whole server. */
const BASIC = {
  id: (instance) => instance.uuid,
  name: (instance) => instance.displayName,
  status: (instance) => status(instance),
  tenant_id: (instance) => instance.projectId,
  user_id: (instance) => instance.userId,
  metadata: (instance) => instance.metadata,
  hostId,
  image: shownDuring({ '..2.97': image(false), '2.98..': image(true) }),
  flavor,
  created: (instance) => isoSeconds(instance.createdAt),
  updated: (instance) => isoSeconds(instance.updatedAt ?? instance.createdAt),
  accessIPv4: (instance) => instance.accessIpV4 ?? '',
  accessIPv6: (instance) => instance.accessIpV6 ?? '',
  links,
  'OS-DCF:diskConfig': (instance) => (instance.autoDiskConfig ? 'AUTO' : 'MANUAL'),
  fault,
  progress: (instance) => (PROGRESSING.has(status(instance)) ? instance.progress : undefined),
  locked: shownSince('2.9', (instance) => instance.locked),
  locked_reason: shownSince('2.73', (instance) => instance.lockedReason),
  description: shownSince('2.19', (instance) => instance.displayDescription),
  tags: shownSince('2.26', (instance) => instance.tags),
  trusted_image_certificates: shownSince('2.63', (instance) => instance.trustedCerts),
  pinned_availability_zone: shownSince('2.96', pinnedZoneOf),
  scheduler_hints: shownSince('2.100', hintsOf),
} satisfies Parameters<typeof view<Instance, ServerContext>>[0]

/** What Nova's extensions once added. */
const EXTENDED = {
  addresses: (instance) => addressesOf(instance.networkInfo, 'full'),
  'OS-EXT-AZ:availability_zone': (instance) => instance.availabilityZone ?? '',
  config_drive: (instance) => (instance.configDrive ? 'True' : ''),
  key_name: (instance) => instance.keyName,
  'OS-SRV-USG:launched_at': (instance) => instance.launchedAt && isoMicroseconds(instance.launchedAt),
  'OS-SRV-USG:terminated_at': (instance) => instance.terminatedAt && isoMicroseconds(instance.terminatedAt),
  security_groups: ({ networkInfo, securityGroups }) =>
    networkInfo.length > 0 && securityGroups.length > 0
      ? securityGroups.map((name) => ({ name }))
      : undefined,
  'OS-EXT-STS:task_state': (instance) => instance.taskState,
  'OS-EXT-STS:vm_state': (instance) => instance.vmState,
  'OS-EXT-STS:power_state': (instance) => instance.powerState,
  'os-extended-volumes:volumes_attached': shownDuring({
    '..2.2': (instance, context) => volumesAttached(instance, context).map(({ id }) => ({ id })),
    '2.3..': volumesAttached,
  }),
  'OS-EXT-SRV-ATTR:host': extended((instance) => instance.host),
  'OS-EXT-SRV-ATTR:hypervisor_hostname': extended((instance) => instance.node),
  'OS-EXT-SRV-ATTR:instance_name': extended(instanceName),
  'OS-EXT-SRV-ATTR:reservation_id': extendedSince('2.3', (instance) => instance.reservationId),
  'OS-EXT-SRV-ATTR:launch_index': extendedSince('2.3', (instance) => instance.launchIndex),
  'OS-EXT-SRV-ATTR:hostname': shownDuring({
    '2.3..2.89': extended((instance) => instance.hostname),
    '2.90..': (instance) => instance.hostname,
  }),
  'OS-EXT-SRV-ATTR:kernel_id': extendedSince('2.3', (instance) => instance.kernelId),
  'OS-EXT-SRV-ATTR:ramdisk_id': extendedSince('2.3', (instance) => instance.ramdiskId),
  'OS-EXT-SRV-ATTR:root_device_name': extendedSince('2.3', (instance) => instance.rootDeviceName),
  'OS-EXT-SRV-ATTR:user_data': extendedSince('2.3', (instance) => instance.userData),
  host_status: shownSince('2.16', (instance, context) => context.hostStatus(instance)),
} satisfies Parameters<typeof view<Instance, ServerContext>>[0]

const serverGroups = shownSince<Instance, ServerContext>('2.71', (_instance, { serverGroup }) =>
  serverGroup === undefined ? [] : [serverGroup],
)

/** A server in a list of details. */
export const listedServer = view<Instance, ServerContext>({ ...BASIC, ...EXTENDED })

/** A server alone. */
export const fullServer = view<Instance, ServerContext>({
  ...BASIC,
  ...EXTENDED,
  server_groups: serverGroups,
})

const extendedFrom275 = Object.fromEntries(
  Object.entries(EXTENDED).map(([name, field]) => [name, shownSince<Instance, ServerContext>('2.75', field)]),
)

/** A server in the answer to its change: brief until the extensions came in. */
export const changedServer = view<Instance, ServerContext>({
  ...BASIC,
  ...extendedFrom275,
  addresses: shownDuring({
    '..2.74': (instance) => addressesOf(instance.networkInfo, 'brief'),
    '2.75..': (instance) => addressesOf(instance.networkInfo, 'full'),
  }),
  server_groups: serverGroups,
})
