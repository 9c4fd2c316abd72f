/** What Cinder is told of a host that will use a volume. */
import { listComputeNodes } from '#db/compute-nodes.ts'
import type { Connector } from '#neighbours/volumes/port.ts'
import type { World } from '../world.ts'

export async function connectorOf({ db }: Pick<World, 'db'>, host: string): Promise<Connector> {
  const [node] = await listComputeNodes(db, { host })
  return { host, ip: node?.hostIp ?? '' }
}
