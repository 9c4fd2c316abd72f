/** A guest as the driver is to make it, out of what the conductor says of the instance. */
import type { GuestSpec } from '#contracts/compute.ts'
import type { Injected } from '#contracts/operations.ts'
import type { Ids } from '#lib/ids.ts'
import { configDriveFiles, taggedDisks } from '#model/metadata/index.ts'
import type { BootVolume, GuestDefinition } from '#virt/port.ts'
import type { ComputeConfig } from './config.ts'
import type { World } from './world.ts'

const SEED_BYTES = 512

/** A guest behind user networking cannot reach the metadata service: it is always given a config drive. */
const needsConfigDrive = (guest: GuestSpec, config: ComputeConfig): boolean =>
  guest.configDrive || config.forceConfigDrive || guest.vifs.some((vif) => vif.type === 'user')

const driveOf = (
  guest: GuestSpec,
  volumes: readonly BootVolume[],
  { adminPass, files = [] }: Injected,
  { config, ids }: { readonly config: ComputeConfig; readonly ids: Ids },
): Record<string, string | Buffer> =>
  configDriveFiles({
    uuid: guest.uuid,
    instanceName: guest.name,
    name: guest.displayName,
    hostname: guest.hostname,
    domain: config.dhcpDomain,
    projectId: guest.projectId,
    launchIndex: guest.launchIndex,
    availabilityZone: guest.availabilityZone,
    reservationId: guest.reservationId,
    metadata: guest.metadata,
    flavorName: guest.flavor.name,
    imageId: guest.image?.id ?? '',
    kernelId: guest.image?.properties['kernel_id'] ?? '',
    ramdiskId: guest.image?.properties['ramdisk_id'] ?? '',
    key:
      guest.keyName !== null && guest.publicKey !== null
        ? { name: guest.keyName, data: guest.publicKey }
        : null,
    userData: guest.userData,
    vifs: guest.vifs,
    disks: taggedDisks(volumes),
    securityGroups: [],
    rootDeviceName: '/dev/vda',
    adminPassword: adminPass ?? null,
    files,
    randomSeed: Buffer.from(ids.secret(SEED_BYTES), 'base64url').toString('base64'),
    vendorData: {},
  })

/** `injected` and `volumes`: what a guest that is built now finds told on its config drive, and no later one does. */
export function guestDefinition(
  guest: GuestSpec,
  { config, ids }: Pick<World, 'config' | 'ids'>,
  injected: Injected = {},
  volumes: readonly BootVolume[] = [],
): GuestDefinition {
  const { uuid, name, flavor, image, vifs } = guest
  return {
    uuid,
    name,
    flavor,
    image,
    vifs,
    configDrive: needsConfigDrive(guest, config) ? driveOf(guest, volumes, injected, { config, ids }) : null,
  }
}
