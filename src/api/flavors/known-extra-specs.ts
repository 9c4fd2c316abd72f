/** The extra specs that are known, and what their values may be: checked from the version that asked for it. */
import { badRequest } from '#lib/fault.ts'
import { readBoolean } from '#lib/versioned/index.ts'

/** Says what is wrong with a value; undefined when it is right. */
type Check = (value: string) => string | undefined

const anything: Check = () => undefined
const whole =
  (min = -Infinity, max = Infinity): Check =>
  (value) => {
    if (!/^\s*[+-]?\d+\s*$/.test(value)) return `Validation failed; '${value}' is not a valid integer.`
    if (Number(value) < min) return `Validation failed; '${value}' is less than the minimum of ${min}.`
    return Number(value) > max
      ? `Validation failed; '${value}' is greater than the maximum of ${max}.`
      : undefined
  }
const yesOrNo: Check = (value) =>
  readBoolean(value) === undefined ? `Validation failed; '${value}' is not a valid boolean value.` : undefined
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value) ? undefined : `Validation failed; '${value}' is not one of: ${words.join(', ')}.`
const like =
  (pattern: RegExp): Check =>
  (value) =>
    new RegExp(`^(?:${pattern.source})$`).test(value)
      ? undefined
      : `Validation failed; '${value}' is not of the format '${pattern.source}'.`

const count = whole(0)
const atLeastOne = whole(1)
const shares = oneOf('custom', 'high', 'normal', 'low')
const CPUS = /\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*/

/** Checks by name; a name may be a pattern, which then must match the whole. */
const EXACT: Readonly<Record<string, Check>> = {
  'accel:device_profile': anything,
  'hw:cpu_realtime': yesOrNo,
  'hw:cpu_realtime_mask': like(/(\^)?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*/),
  'hw:hide_hypervisor_id': yesOrNo,
  'hw:cpu_policy': oneOf('dedicated', 'shared', 'mixed'),
  'hw:cpu_thread_policy': oneOf('prefer', 'isolate', 'require'),
  'hw:emulator_threads_policy': oneOf('isolate', 'share'),
  'hw:cpu_dedicated_mask': like(CPUS),
  'hw:mem_page_size': like(/(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)/),
  'hw:locked_memory': yesOrNo,
  'hw:numa_nodes': atLeastOne,
  'hw:pci_numa_affinity_policy': oneOf('required', 'preferred', 'legacy', 'socket'),
  'hw:boot_menu': yesOrNo,
  'hw:vif_multiqueue_enabled': yesOrNo,
  'hw:mem_encryption': yesOrNo,
  'hw:mem_encryption_model': oneOf('amd-sev', 'amd-sev-es', 'amd-sev-snp'),
  'hw:pmem': like(/([a-zA-Z0-9_]+(,)?)+/),
  'hw:pmu': yesOrNo,
  'hw:serial_port_count': count,
  'hw:tpm_model': oneOf('tpm-tis', 'tpm-crb'),
  'hw:tpm_version': oneOf('1.2', '2.0'),
  'hw:tpm_secret_security': oneOf('user', 'host', 'deployment'),
  'hw:watchdog_action': oneOf('none', 'pause', 'poweroff', 'reset', 'disabled'),
  'hw:viommu_model': oneOf('intel', 'smmuv3', 'virtio', 'auto'),
  'hw:virtio_packed_ring': yesOrNo,
  'hw:sound_model': oneOf('sb16', 'es1370', 'pcspk', 'ac97', 'ich6', 'ich9', 'usb', 'virtio'),
  'hw:usb_model': oneOf('none', 'nec-xhci', 'qemu-xhci'),
  'hw:redirected_usb_ports': whole(0, 15),
  'hw:ephemeral_encryption': yesOrNo,
  'hw:ephemeral_encryption_format': oneOf('plain', 'luks', 'luksv2'),
  'hw_rng:allowed': yesOrNo,
  'hw_rng:rate_bytes': count,
  'hw_rng:rate_period': count,
  'hw_video:ram_max_mb': count,
  hide_hypervisor_id: yesOrNo,
  group_policy: oneOf('isolate', 'none'),
  'os:secure_boot': oneOf('disabled', 'required'),
  'pci_passthrough:alias': like(/[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*/),
  'quota:cpu_shares': count,
  'quota:cpu_period': count,
  'quota:cpu_quota': whole(),
  'vmware:hw_version': anything,
  'vmware:storage_policy': anything,
}

const GROUP = '([a-zA-Z0-9_-]{1,64})?'
const CAPABILITIES =
  'id|uuid|service_id|host|vcpus|memory_mb|local_gb|vcpus_used|memory_mb_used|local_gb_used|hypervisor_type|' +
  'hypervisor_version|hypervisor_hostname|free_ram_mb|free_disk_gb|current_workload|running_vms|' +
  'disk_available_least|host_ip|mapped|cpu_allocation_ratio|ram_allocation_ratio|disk_allocation_ratio|' +
  'total_usable_ram_mb|total_usable_disk_gb|disk_mb_used|free_disk_mb|vcpus_total|num_instances|num_io_ops|' +
  'failed_builds|aggregates|cell_uuid|updated'
const NESTED_CAPABILITIES =
  'cpu_info|metrics|stats|numa_topology|supported_hv_specs|pci_device_pools|nodename|pci_stats|' +
  'supported_instances|limits|instances'

const RESOURCE_CLASSES =
  'VCPU|MEMORY_MB|DISK_GB|PCI_DEVICE|SRIOV_NET_VF|NUMA_SOCKET|NUMA_CORE|NUMA_THREAD|NUMA_MEMORY_MB|IPV4_ADDRESS|' +
  'VGPU|VGPU_DISPLAY_HEAD|NET_BW_EGR_KILOBIT_PER_SEC|NET_BW_IGR_KILOBIT_PER_SEC|PCPU|MEM_ENCRYPTION_CONTEXT|FPGA|' +
  'PGPU|NET_PACKET_RATE_KILOPACKET_PER_SEC|NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC|NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC'

const PATTERNS: readonly (readonly [RegExp, Check])[] = [
  [/^aggregate_instance_extra_specs:.+$/, anything],
  [new RegExp(`^capabilities:(${CAPABILITIES})$`), anything],
  [new RegExp(`^capabilities:(${NESTED_CAPABILITIES})(:\\w+)*$`), anything],
  [/^hw:numa_cpus\.\d+$/, like(CPUS)],
  [/^hw:numa_mem\.\d+$/, atLeastOne],
  [/^hw:cpu_(max_)?(sockets|cores|threads)$/, atLeastOne],
  [/^quota:(cpu|memory|disk_io|vif)_(limit|shares_share)$/, count],
  [/^quota:(cpu|memory|disk_io|vif)_reservation$/, whole()],
  [/^quota:(cpu|memory|disk_io|vif)_shares_level$/, shares],
  [/^quota:disk_(read|write|total)_(bytes|iops)_sec$/, count],
  [/^quota:vif_(in|out)bound_(average|peak|burst)$/, count],
  [new RegExp(`^resources${GROUP}:(${RESOURCE_CLASSES}|CUSTOM_[A-Z0-9_]+)$`), whole()],
  [new RegExp(`^trait${GROUP}:[A-Z][A-Z0-9_]*$`), oneOf('required', 'forbidden')],
]

const NAMESPACES = [
  'accel',
  'aggregate_instance_extra_specs',
  'capabilities',
  'hw',
  'hw_rng',
  'hw_video',
  'os',
  'pci_passthrough',
  'quota',
  'vmware',
]
const KNOWN_NAMESPACE = new RegExp(`^(${NAMESPACES.join('|')}|resources${GROUP}|trait${GROUP}):`)

/** Refuses (400) a value that its spec cannot have, and an unknown name in a known namespace. */
export function checkExtraSpecs(specs: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(specs)) {
    const check = Object.hasOwn(EXACT, name)
      ? EXACT[name]
      : PATTERNS.find(([pattern]) => pattern.test(name))?.[1]
    if (check === undefined && KNOWN_NAMESPACE.test(name))
      throw badRequest(`Validation failed; extra spec '${name}' does not appear to be a valid extra spec.`)
    const wrong = check?.(value)
    if (wrong !== undefined) throw badRequest(wrong)
  }
}
