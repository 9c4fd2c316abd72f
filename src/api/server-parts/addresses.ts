/** A server's addresses, all or of one network. */
import { getServer } from '#api/instances/index.ts'
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { addressesOf } from '#api/servers/index.ts'
import { notFound } from '#lib/fault.ts'
import { listAddresses, showAddresses } from './server-parts.spec.ts'

export const addressRoutes = (services: Services): readonly Route[] => [
  serve(listAddresses, async (call) => {
    const { networkInfo } = await getServer(call, services, 'os_compute_api:ips:index')
    return { body: { addresses: addressesOf(networkInfo, 'brief') } }
  }),
  serve(showAddresses, async (call) => {
    const { networkInfo } = await getServer(call, services, 'os_compute_api:ips:show')
    const label = call.params['id'] ?? ''
    const addresses = addressesOf(networkInfo, 'brief')
    if (!Object.hasOwn(addresses, label)) throw notFound('Instance is not a member of specified network')
    return { body: { [label]: addresses[label] } }
  }),
]
