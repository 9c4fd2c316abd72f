/** What operators' tools need of Placement beyond a service's everyday: every provider, and consumers as they are. */
import { createSend, type RequestOptions, unexpected } from './request.ts'
import type { AllocationRequest, ResourceAmounts } from './port.ts'

export interface Provider {
  readonly uuid: string
  readonly name: string
  readonly rootUuid: string
}

/** What a consumer holds, and whose it is. */
export interface Holding {
  readonly allocations: AllocationRequest
  readonly projectId: string | undefined
  readonly userId: string | undefined
  /** Undefined of one that holds nothing. */
  readonly generation: number | undefined
}

export interface PlacementUpkeep {
  /** All of them, or the one that is named. */
  providers(uuid?: string): Promise<readonly Provider[]>
  allocationsOn(providerUuid: string): Promise<Readonly<Record<string, ResourceAmounts>>>
  holdingOf(consumerUuid: string): Promise<Holding>
  /** Replaces what the consumer holds, if it still is as it was. False when it is not, or does not fit. */
  replace(consumerUuid: string, holding: Holding): Promise<boolean>
}

interface ProviderBody {
  readonly uuid: string
  readonly name: string
  readonly root_provider_uuid: string
}

interface HoldingBody {
  readonly allocations: Readonly<Record<string, { readonly resources: ResourceAmounts }>>
  readonly project_id?: string
  readonly user_id?: string
  readonly consumer_generation?: number
}

/** Its methods throw `unavailable` when Placement is away and `badGateway` when it answers nonsense. */
export function createPlacementUpkeep(options: RequestOptions): PlacementUpkeep {
  const send = createSend(options)
  const read = async (path: string): Promise<unknown> => {
    const answer = await send('GET', path)
    if (answer.status !== 200) throw unexpected(`asked for ${path}`, answer)
    return answer.json
  }
  return {
    async providers(uuid) {
      const path = uuid === undefined ? '/resource_providers' : `/resource_providers?uuid=${uuid}`
      const { resource_providers: found } = (await read(path)) as { resource_providers: ProviderBody[] }
      return found.map((each) => ({ uuid: each.uuid, name: each.name, rootUuid: each.root_provider_uuid }))
    },
    async allocationsOn(providerUuid) {
      const body = (await read(`/resource_providers/${providerUuid}/allocations`)) as HoldingBody
      return Object.fromEntries(
        Object.entries(body.allocations).map(([consumer, { resources }]) => [consumer, resources]),
      )
    },
    async holdingOf(consumerUuid) {
      const body = (await read(`/allocations/${consumerUuid}`)) as HoldingBody
      const allocations = Object.fromEntries(
        Object.entries(body.allocations).map(([provider, { resources }]) => [provider, { resources }]),
      )
      const { project_id: projectId, user_id: userId, consumer_generation: generation } = body
      return { allocations, projectId, userId, generation }
    },
    async replace(consumerUuid, { allocations, projectId, userId, generation }) {
      const body = {
        allocations,
        project_id: projectId,
        user_id: userId,
        consumer_generation: generation ?? null,
        consumer_type: 'INSTANCE',
      }
      const answer = await send('PUT', `/allocations/${consumerUuid}`, body)
      if (answer.status === 204) return true
      if (answer.status === 409) return false
      throw unexpected(`asked to replace what ${consumerUuid} holds`, answer)
    },
  }
}
