/** Options of computes beside those of their driver. */
import { group } from '../declaration.ts'

export const compute = group('compute', {
  consecutive_build_service_disable_threshold: {
    type: 'int',
    default: 10,
    help: 'Failed builds counted against a host.',
  },
  cpu_shared_set: { type: 'string', default: null, help: 'Host CPUs for floating guests.' },
  cpu_dedicated_set: { type: 'string', default: null, help: 'Host CPUs for pinned guests.' },
  live_migration_wait_for_vif_plug: {
    type: 'bool',
    default: true,
    help: 'Wait for port event before migration.',
  },
  max_concurrent_disk_ops: { type: 'int', default: 0, min: 0, help: 'Heavy disk jobs at once.' },
  max_disk_devices_to_attach: { type: 'int', default: -1, min: -1, help: 'Disks allowed per server.' },
  image_type_exclude_list: { type: 'list', default: [], help: 'Image types not offered.' },
  vmdk_allowed_types: {
    type: 'list',
    default: ['streamOptimized', 'monolithicSparse'],
    help: 'Allowed subtypes of VMDK images.',
  },
})

export const devices = group('devices', {
  enabled_mdev_types: {
    type: 'list',
    default: [],
    deprecatedNames: ['devices.enabled_vgpu_types'],
    help: 'VGPU types on this host.',
  },
})

export const imageCache = group('image_cache', {
  manager_interval: {
    type: 'int',
    default: 2400,
    min: -1,
    deprecatedNames: ['DEFAULT.image_cache_manager_interval'],
    help: 'Seconds between cache runs; 0: 60, -1: never.',
  },
  subdirectory_name: {
    type: 'string',
    default: '_base',
    deprecatedNames: ['DEFAULT.image_cache_subdirectory_name'],
    help: 'Folder of cached images.',
  },
  remove_unused_base_images: {
    type: 'bool',
    default: true,
    deprecatedNames: ['DEFAULT.remove_unused_base_images'],
    help: 'Drop unused base images; else only log them.',
  },
  remove_unused_original_minimum_age_seconds: {
    type: 'int',
    default: 86400,
    deprecatedNames: ['DEFAULT.remove_unused_original_minimum_age_seconds'],
    help: 'Age before unused images go.',
  },
  remove_unused_resized_minimum_age_seconds: {
    type: 'int',
    default: 3600,
    deprecatedNames: ['libvirt.remove_unused_resized_minimum_age_seconds'],
    help: 'Age before resized images go.',
  },
  precache_concurrency: { type: 'int', default: 1, min: 1, help: 'Hosts caching images at once.' },
})

export const pci = group('pci', {
  alias: { type: 'multi', default: [], deprecatedNames: ['DEFAULT.pci_alias'], help: 'Named PCI requests.' },
  device_spec: {
    type: 'multi',
    default: [],
    deprecatedNames: ['pci.passthrough_whitelist', 'DEFAULT.pci_passthrough_whitelist'],
    help: 'PCI devices offered to guests.',
  },
  report_in_placement: { type: 'bool', default: false, help: 'Track PCI devices in placement.' },
})

export const workarounds = group('workarounds', {
  disable_group_policy_check_upcall: { type: 'bool', default: false, help: 'No late check of group policy.' },
  disable_deep_image_inspection: { type: 'bool', default: false, help: 'Skip image safety checks.' },
})

export const upgradeLevels = group('upgrade_levels', {
  compute: { type: 'string', default: null, help: 'Pin of compute messages.' },
})
