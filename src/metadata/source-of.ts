/** A guest's metadata out of its instance. */
import { instanceName } from '#model/instance/index.ts'
import { type MetadataSource, taggedDisks } from '#model/metadata/index.ts'
import type { Guest } from './guests.ts'
import type { MetadataDeps } from './metadata.ts'

const SEED_BYTES = 512

export const sourceOf = (
  { instance, devices }: Guest,
  { ids, config }: Pick<MetadataDeps, 'ids' | 'config'>,
): MetadataSource => ({
  uuid: instance.uuid,
  instanceName: instanceName(instance),
  name: instance.displayName,
  hostname: instance.hostname,
  domain: config.domain,
  projectId: instance.projectId,
  launchIndex: instance.launchIndex,
  availabilityZone: instance.availabilityZone,
  reservationId: instance.reservationId,
  metadata: instance.metadata,
  flavorName: instance.flavor.name,
  imageId: instance.imageRef,
  kernelId: instance.kernelId,
  ramdiskId: instance.ramdiskId,
  key:
    instance.keyName !== null && instance.keyData !== null
      ? { name: instance.keyName, data: instance.keyData }
      : null,
  userData: instance.userData,
  vifs: instance.networkInfo,
  disks: taggedDisks(devices),
  securityGroups: instance.securityGroups,
  rootDeviceName: instance.rootDeviceName ?? '/dev/vda',
  adminPassword: null,
  files: [],
  randomSeed: Buffer.from(ids.secret(SEED_BYTES), 'base64url').toString('base64'),
  vendorData: config.vendorData,
})
