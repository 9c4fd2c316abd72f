/** What a server's guest uses and does, as its driver says. */
import { getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { BusTimeout } from '#bus/port.ts'
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { clientOf } from '#contracts/contract.ts'
import { conflict, Fault } from '#lib/fault.ts'
import { type Instance, requireAllowed } from '#model/instance/index.ts'

type Disk = Readonly<Record<'readBytes' | 'readRequests' | 'writeBytes' | 'writeRequests' | 'errors', number>>

/** As a driver says it (`GuestDiagnostics` of the virt port); what is left out is not known. */
interface Diagnostics {
  readonly state: string
  readonly hypervisor: string
  readonly hypervisorOs: string
  readonly uptimeSeconds?: number
  readonly memoryMb: number
  readonly memoryUsedMb?: number
  readonly cpus: readonly { readonly id: number; readonly timeNs?: number }[]
  readonly disks: readonly Disk[]
}

export async function diagnosticsOf(
  call: Call<unknown, unknown, 'alike'>,
  services: Services,
): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-server-diagnostics')
  requireAllowed('get_instance_diagnostics', instance, call)
  const compute = clientOf(computeContract, computeTopic(instance.host ?? ''), services.bus)
  const asked = { instanceUuid: instance.uuid }
  const answer = await compute.diagnostics.call(asked, call.context.requestId).catch((error: unknown) => {
    // A host that does not answer has nothing to tell now.
    if (error instanceof BusTimeout)
      throw conflict(`Instance ${instance.uuid} is not ready`, { cause: error })
    throw error
  })
  if (answer.diagnostics === null)
    throw new Fault('notImplemented', 'The requested functionality is not supported.')
  const found = answer.diagnostics as unknown as Diagnostics
  return { body: call.on.alike ? alike(found, instance) : asLibvirtDoes(found) }
}

/** Since 2.48 the same for every driver; null is not known. Drivers that Nova does not have say they are libvirt. */
const alike = (found: Diagnostics, { configDrive, networkInfo }: Instance) => ({
  state: found.state,
  driver: 'libvirt',
  hypervisor: found.hypervisor,
  hypervisor_os: found.hypervisorOs,
  uptime: found.uptimeSeconds ?? null,
  config_drive: configDrive,
  num_cpus: found.cpus.length,
  num_nics: networkInfo.length,
  num_disks: found.disks.length,
  disk_details: found.disks.map((disk) => ({
    read_bytes: disk.readBytes,
    read_requests: disk.readRequests,
    write_bytes: disk.writeBytes,
    write_requests: disk.writeRequests,
    errors_count: disk.errors,
  })),
  cpu_details: found.cpus.map(({ id, timeNs }) => ({ id, time: timeNs ?? null, utilisation: null })),
  nic_details: networkInfo.map(({ macAddress }) => ({ mac_address: macAddress, ...NO_COUNTS })),
  memory_details: { maximum: found.memoryMb, used: found.memoryUsedMb ?? null },
})

const NO_COUNTS = {
  rx_octets: null,
  rx_errors: null,
  rx_drop: null,
  rx_packets: null,
  rx_rate: null,
  tx_octets: null,
  tx_errors: null,
  tx_drop: null,
  tx_packets: null,
  tx_rate: null,
} as const

/** Before, as libvirt's driver put it. */
function asLibvirtDoes(found: Diagnostics): Record<string, number> {
  const cpus = found.cpus.map(({ id, timeNs = 0 }) => [`cpu${id}_time`, timeNs] as const)
  const disks = found.disks.flatMap((disk, at) => {
    const name = `vd${String.fromCodePoint(97 + at)}`
    return [
      [`${name}_read`, disk.readBytes],
      [`${name}_read_req`, disk.readRequests],
      [`${name}_write`, disk.writeBytes],
      [`${name}_write_req`, disk.writeRequests],
      [`${name}_errors`, disk.errors],
    ] as const
  })
  return { ...Object.fromEntries([...cpus, ...disks]), memory: found.memoryMb * 1024 }
}
