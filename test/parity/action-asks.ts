/** Requests for the actions on a server, each on a server that was brought to where it may be asked. */
import { type InstanceChanges, updateInstance } from '#db/instances.ts'
import type { Database } from '#db/kit/index.ts'
import type { NovaDb } from '#db/schema.ts'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import type { Ask } from './cloud-asks.ts'

interface Step {
  readonly body: Readonly<Record<string, unknown>>
  readonly at?: string
  readonly as?: 'admin'
  /** The status to wait for. */
  readonly until?: string
}

interface ActionAsk extends Step {
  /** What comes first; the ask itself is the last. */
  readonly after?: readonly Step[]
  /** What the server is made to be in the store. */
  readonly seed?: InstanceChanges
}

const header = (at: string) => ({ 'openstack-api-version': `compute ${at}` })

const pause: Step = { body: { pause: null }, until: 'PAUSED' }
const suspend: Step = { body: { suspend: null }, until: 'SUSPENDED' }
const rescue: Step = { body: { rescue: { adminPass: 'MySecretPass' } }, until: 'RESCUE' }

const resize: Step = { body: { resize: { flavorRef: '2' } }, until: 'VERIFY_RESIZE' }
const shelve: Step = { body: { shelve: null }, until: 'SHELVED' }
const backup = { name: 'weekly', backup_type: 'weekly', rotation: 1 }

/** By action. */
const actionsOf = (imageRef: string): readonly ActionAsk[] => [
  pause,
  { body: { unpause: null }, after: [pause], until: 'ACTIVE' },
  suspend,
  { body: { resume: null }, after: [suspend], until: 'ACTIVE' },
  rescue,
  { body: { unrescue: null }, after: [rescue], until: 'ACTIVE' },
  { body: { lock: null } },
  { body: { unlock: null }, after: [{ body: { lock: null } }] },
  { body: { 'os-resetState': { state: 'active' } }, as: 'admin' },
  { body: { changePassword: { adminPass: 'foo' } } },
  { body: { injectNetworkInfo: null }, as: 'admin' },
  { body: { trigger_crash_dump: null } },
  { body: { forceDelete: null } },
  { body: { rebuild: { imageRef, name: 'plain' } }, until: 'ACTIVE' },
  { body: { rebuild: { imageRef, name: 'plain' } }, as: 'admin', until: 'ACTIVE' },
  { body: { createImage: { name: 'snapshot' } }, until: 'ACTIVE' },
  { body: { createBackup: backup }, until: 'ACTIVE' },
  resize,
  { body: { confirmResize: null }, after: [resize], until: 'ACTIVE' },
  { body: { revertResize: null }, after: [resize], until: 'ACTIVE' },
  { body: { migrate: null }, as: 'admin', until: 'VERIFY_RESIZE' },
  shelve,
  { body: { unshelve: null }, after: [shelve], until: 'ACTIVE' },
  { body: { shelveOffload: null }, as: 'admin', after: [shelve], until: 'SHELVED_OFFLOADED' },
  { body: { restore: null }, as: 'admin', seed: { vmState: 'soft-delete' }, until: 'ACTIVE' },
]

type Clients = Readonly<Record<'admin' | 'demo', CloudClient>>

const send = (clients: Clients, server: string, { body, as, at = '2.96' }: Step) =>
  clients[as ?? 'demo'].call('compute', 'POST', `/servers/${server}/action`, body, header(at))

const settle = (clients: Clients, server: string, status: string) =>
  eventually(
    async () => {
      const shown = await clients.demo.ok('compute', 'GET', `/servers/${server}`)
      return shown.server.status === status && shown.server['OS-EXT-STS:task_state'] === null
    },
    { what: status },
  )

export interface Stage {
  readonly clients: Clients
  /** Makes an active server; each ask has one of its own. */
  readonly make: () => Promise<string>
  readonly store: Database
}

export function serverActionAsks({ clients, make, store }: Stage, imageId: string): readonly Ask[] {
  return actionsOf(imageId).map((ask): Ask => {
    const [action = ''] = Object.keys(ask.body)
    return {
      route: `POST /servers/{id}/action#${action}`,
      rare: true,
      async send(at) {
        const server = await make()
        for (const step of ask.after ?? []) {
          await send(clients, server, step)
          if (step.until !== undefined) await settle(clients, server, step.until)
        }
        if (ask.seed) await updateInstance(store.typed<NovaDb>(), server, ask.seed, { now: Date.now() })
        const answer = await send(clients, server, { ...ask, at })
        if (ask.until !== undefined) await settle(clients, server, ask.until)
        await clients.demo.call('compute', 'DELETE', `/servers/${server}`)
        return answer
      },
    }
  })
}

/** A server that is rescued, shown to its owner. */
export function rescuedServerAsk(clients: Clients, make: () => Promise<string>): Ask {
  let made: Promise<string> | undefined
  const rescued = async (): Promise<string> => {
    const server = await make()
    await send(clients, server, rescue)
    await settle(clients, server, 'RESCUE')
    return server
  }
  return {
    route: 'GET /servers/{id}',
    rare: false,
    async send(at) {
      made ??= rescued()
      return clients.demo.call('compute', 'GET', `/servers/${await made}`, undefined, header(at))
    },
  }
}
