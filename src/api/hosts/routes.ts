/** Hosts: which there are, how full they are, and whether they may be used. No driver turns them on or off. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { availabilityZones } from '#db/aggregates.ts'
import { listComputeNodes } from '#db/compute-nodes.ts'
import { listInstances } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { findServiceOnHost, listServices, updateService } from '#db/services.ts'
import { Fault, notFound } from '#lib/fault.ts'
import type { ComputeNode, Service } from '#model/host/index.ts'
import type { Instance } from '#model/instance/index.ts'
import { listHosts, rebootHost, showHost, shutDownHost, startHost, updateHost } from './hosts.spec.ts'

const lacking = () => new Fault('notImplemented', 'The requested functionality is not supported.')

interface Amounts {
  readonly cpu: number
  readonly memory_mb: number
  readonly disk_gb: number
}

const resource = (host: string, project: string, amounts: Amounts) => ({
  resource: { host, project, ...amounts },
})

const sumOf = (instances: readonly Instance[]): Amounts => {
  const sum = (pick: (flavor: Instance['flavor']) => number): number =>
    instances.reduce((total, { flavor }) => total + pick(flavor), 0)
  return {
    cpu: sum((flavor) => flavor.vcpus),
    memory_mb: sum((flavor) => flavor.memoryMb),
    disk_gb: sum((flavor) => flavor.rootGb + flavor.ephemeralGb),
  }
}

/** What the node has, what it says is used, what its servers may use, and the same by project. */
function describe(host: string, node: ComputeNode, instances: readonly Instance[]) {
  const projects = Map.groupBy(instances, ({ projectId }) => projectId)
  return [
    resource(host, '(total)', { cpu: node.vcpus, memory_mb: node.memoryMb, disk_gb: node.localGb }),
    resource(host, '(used_now)', {
      cpu: node.vcpusUsed,
      memory_mb: node.memoryMbUsed,
      disk_gb: node.localGbUsed,
    }),
    resource(host, '(used_max)', sumOf(instances)),
    ...[...projects].map(([project, own]) => resource(host, project, sumOf(own))),
  ]
}

export function hostRoutes({ db, clock, config }: Services): readonly Route[] {
  const nova = db.typed<NovaDb>()

  async function computeOn(host: string): Promise<Service> {
    const service = await findServiceOnHost(nova, host, 'nova-compute')
    if (!service) throw notFound(`Host '${host}' is not mapped to any cell`)
    return service
  }

  const powerRoute = (operation: typeof rebootHost): Route =>
    serve(operation, async (call) => {
      await computeOn(call.params.id ?? '')
      throw lacking()
    })

  return [
    serve(listHosts, async (call) => {
      const zones = await availabilityZones(nova)
      const services = await listServices(nova, { disabled: false })
      const wanted = call.query.zone?.at(-1) ?? ''
      const hosts = services.map(({ binary, host, topic }) => ({
        host_name: host,
        service: topic,
        zone:
          binary === 'nova-compute'
            ? (zones.get(host) ?? config.defaultAvailabilityZone)
            : config.internalServiceAvailabilityZone,
      }))
      return { body: { hosts: hosts.filter(({ zone }) => wanted === '' || zone === wanted) } }
    }),

    serve(showHost, async (call) => {
      const host = call.params.id ?? ''
      await computeOn(host)
      const [node] = await listComputeNodes(nova, { host })
      if (!node) throw notFound(`Compute host ${host} could not be found.`)
      return { body: { host: describe(host, node, await listInstances(nova, { host })) } }
    }),

    serve(updateHost, async (call) => {
      const host = call.params.id ?? ''
      const { status, maintenance_mode: maintenance } = call.body
      const service = await computeOn(host)
      if (maintenance !== undefined) throw lacking()
      const disabled = status?.toLowerCase() === 'disable'
      await updateService(nova, service.uuid, { disabled, disabledReason: null }, { now: clock.now() })
      return { body: { host, status: disabled ? 'disabled' : 'enabled' } }
    }),

    powerRoute(rebootHost),
    powerRoute(shutDownHost),
    powerRoute(startHost),
  ]
}
