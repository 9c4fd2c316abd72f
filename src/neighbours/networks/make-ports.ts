/**
 * New ports of several instances in one request: those that are asked for in the same moment, as in a storm of creates. Neutron
 * makes all of a request's ports or none.
 */
import { isFault } from '#lib/fault.ts'
import type { NeutronPort } from './neutron-documents.ts'
import type { NeutronRequests } from './requests.ts'

export type NewPort = Readonly<Record<string, unknown>>

/** Makes the ports of an instance. Throws a Fault when none was made, or nobody knows. */
export type MakePorts = (instanceUuid: string, ports: readonly NewPort[]) => Promise<NeutronPort[]>

/** Neutron refused ports of several instances: whose fault it is, each finds out alone. */
export class NotTogether extends Error {
  override readonly name = 'NotTogether'
}

/** So many ports go in one request, if they are not one instance's: a real Neutron takes a while for each. */
const MOST_TOGETHER = 20
const SIDE_BY_SIDE = 4

export const makeAlone =
  (neutron: NeutronRequests): MakePorts =>
  (_instanceUuid, ports) =>
    post(neutron, ports)

const post = async (neutron: NeutronRequests, ports: readonly NewPort[]): Promise<NeutronPort[]> =>
  (await neutron.send('POST', 'ports', { json: { ports } }))['ports'] as NeutronPort[]

interface Asked {
  readonly instanceUuid: string
  readonly ports: readonly NewPort[]
  resolve(made: NeutronPort[]): void
  reject(error: unknown): void
}

/** As `makeAlone`, with whoever asks in the same turn of the event loop. Throws `NotTogether` where alone it might go well. */
export function makeTogether(neutron: NeutronRequests): MakePorts {
  let waiting: Asked[] = []
  let isGathering = false
  let underWay = 0

  /** The longest waiting ones; of one instance only one, since its ports are told by it. */
  function take(): Asked[] {
    const taken: Asked[] = []
    const left: Asked[] = []
    let room = MOST_TOGETHER
    for (const asked of waiting) {
      const fits = taken.length === 0 || asked.ports.length <= room
      if (!fits || taken.some(({ instanceUuid }) => instanceUuid === asked.instanceUuid)) {
        left.push(asked)
        continue
      }
      taken.push(asked)
      room -= asked.ports.length
    }
    waiting = left
    return taken
  }

  function look(): void {
    if (isGathering || waiting.length === 0 || underWay >= SIDE_BY_SIDE) return
    isGathering = true
    setImmediate(() => {
      isGathering = false
      underWay++
      void make(take()).then(() => {
        underWay--
        look()
      })
      look()
    })
  }

  async function make(all: readonly Asked[]): Promise<void> {
    try {
      const made = await post(
        neutron,
        all.flatMap(({ ports }) => ports),
      )
      for (const { instanceUuid, resolve } of all)
        resolve(made.filter(({ device_id }) => device_id === instanceUuid))
    } catch (error) {
      // Where the answer was lost the ports may be there: who asks again finds them.
      const isRefused = all.length > 1 && !isFault(error, 'unavailable')
      const reason = isRefused ? new NotTogether('ports were refused', { cause: error }) : error
      for (const { reject } of all) reject(reason)
    }
  }

  return (instanceUuid, ports) =>
    new Promise((resolve, reject) => {
      waiting.push({ instanceUuid, ports, resolve, reject })
      look()
    })
}
