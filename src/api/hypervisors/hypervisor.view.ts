/** How a hypervisor looks in answers. */
import { shownDuring, shownSince, shownUntil, view } from '#lib/versioned/index.ts'
import type { ComputeNode, Service } from '#model/host/index.ts'

export interface Hypervisor {
  readonly node: ComputeNode
  readonly service: Service | undefined
  readonly isUp: boolean
  /** Its servers, where they were asked for; an empty list is shown from 2.75 on. */
  readonly servers: readonly { readonly name: string; readonly uuid: string }[] | undefined
}

type Field = (hypervisor: Hypervisor) => unknown

const id = shownDuring<Hypervisor, undefined>({
  '..2.52': ({ node }) => node.id,
  '2.53..': ({ node }) => node.uuid,
})

const identity: Record<string, Field> = {
  hypervisor_hostname: ({ node }) => node.hypervisorHostname,
  state: ({ isUp }) => (isUp ? 'up' : 'down'),
  status: ({ service }) => (service?.disabled ? 'disabled' : 'enabled'),
}

const servers = shownDuring<Hypervisor, undefined>({
  '..2.74': ({ servers: found }) => (found && found.length > 0 ? found : undefined),
  '2.75..': ({ servers: found }) => found,
})

/** In a list. */
export const hypervisorInList = view<Hypervisor>({ id, ...identity, servers })

const usage: Record<string, Field> = {
  vcpus: ({ node }) => node.vcpus,
  memory_mb: ({ node }) => node.memoryMb,
  local_gb: ({ node }) => node.localGb,
  vcpus_used: ({ node }) => node.vcpusUsed,
  memory_mb_used: ({ node }) => node.memoryMbUsed,
  local_gb_used: ({ node }) => node.localGbUsed,
  free_ram_mb: ({ node }) => node.memoryMb - node.memoryMbUsed,
  free_disk_gb: ({ node }) => node.localGb - node.localGbUsed,
  current_workload: () => 0,
  running_vms: ({ node }) => node.runningVms,
  disk_available_least: ({ node }) => node.diskAvailableLeast,
}

/** On its own, or in a detailed list. */
export const hypervisorDetail = view<Hypervisor>({
  id,
  ...identity,
  ...Object.fromEntries(Object.entries(usage).map(([name, field]) => [name, shownUntil('2.87', field)])),
  hypervisor_type: ({ node }) => node.hypervisorType,
  hypervisor_version: ({ node }) => node.hypervisorVersion,
  host_ip: ({ node }) => node.hostIp,
  cpu_info: shownDuring<Hypervisor, undefined>({
    '..2.27': ({ node }) => JSON.stringify(node.cpuInfo),
    '2.28..2.87': ({ node }) => node.cpuInfo,
  }),
  service: shownDuring<Hypervisor, undefined>({
    '..2.52': ({ node, service }) => ({
      id: service?.id ?? 0,
      host: node.host,
      disabled_reason: service?.disabledReason ?? null,
    }),
    '2.53..': ({ node, service }) => ({
      id: service?.uuid ?? node.uuid,
      host: node.host,
      disabled_reason: service?.disabledReason ?? null,
    }),
  }),
  uptime: shownSince('2.88', ({ node, isUp }) => (isUp ? uptimeText(node.uptimeSeconds) : null)),
  servers,
})

export const hypervisorUptimeView = view<Hypervisor>({
  id,
  ...identity,
  uptime: ({ node }) => uptimeText(node.uptimeSeconds),
  servers,
})

/** Seconds as `uptime` says them: `up 3 days, 4:05`. */
function uptimeText(seconds: number | null): string | null {
  if (seconds === null) return null
  const minutes = Math.floor(seconds / 60)
  const [days, clock] = [Math.floor(minutes / 1440), minutes % 1440]
  const hours = `${Math.floor(clock / 60)}:${String(clock % 60).padStart(2, '0')}`
  return `up ${days > 0 ? `${days} day${days > 1 ? 's' : ''}, ` : ''}${hours}`
}
