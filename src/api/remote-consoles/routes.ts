/** Ways to a guest's console: a token that is good once and for a while, in the proxy's URL. */
import { visibleInstance } from '#api/instances/index.ts'
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { BusTimeout } from '#bus/port.ts'
import { clientOf } from '#contracts/contract.ts'
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { insertConsoleToken } from '#db/console-tokens.ts'
import type { NovaDb } from '#db/schema.ts'
import { badRequest, conflict } from '#lib/fault.ts'
import {
  createRemoteConsole,
  getSerialConsole,
  getSpiceConsole,
  getVncConsole,
  REMOTE_CONSOLES_RULE,
} from './remote-consoles.spec.ts'

interface Wish {
  readonly protocol: string
  readonly type: string
}

export function remoteConsoleRoutes(services: Services): readonly Route[] {
  const nova = services.db.typed<NovaDb>()

  /** Makes the token and answers the URL; what cannot be had is a 400, a guest that is not there to show a 409. */
  async function urlOf(call: Call<unknown, unknown, never>, uuid: string, wish: Wish): Promise<string> {
    const { protocol, type } = wish
    const instance = await visibleInstance(services, call, uuid)
    call.enforce(REMOTE_CONSOLES_RULE, { project_id: instance.projectId })
    if (protocol !== 'vnc' || !services.config.vncEnabled)
      throw badRequest(`Unavailable console type ${type}.`)
    if (type !== 'novnc') throw badRequest(`Invalid console type ${type}`)
    if (instance.host === null || instance.vmState === 'building')
      throw conflict(`Instance ${instance.uuid} is not ready`)
    const compute = clientOf(computeContract, computeTopic(instance.host), services.bus)
    const asked = { instanceUuid: instance.uuid, type: 'vnc' } as const
    await compute.console.call(asked, call.context.requestId).catch((error: unknown) => {
      // A host that does not answer has no console to show now.
      if (error instanceof BusTimeout)
        throw conflict(`Instance ${instance.uuid} is not ready`, { cause: error })
      throw error
    })
    const token = services.ids.uuid()
    const now = services.clock.now()
    const accessUrlBase = services.config.novncproxyBaseUrl
    const expiresAt = now + services.config.consoleTokenTtlMs
    await insertConsoleToken(
      nova,
      token,
      { instanceUuid: instance.uuid, consoleType: type, accessUrlBase, expiresAt },
      { now },
    )
    const url = new URL(accessUrlBase)
    url.search = `path=${encodeURIComponent(`?token=${token}`)}`
    return url.href
  }

  const oldAction = (
    protocol: string,
    operation: typeof getVncConsole | typeof getSpiceConsole | typeof getSerialConsole,
  ): Route =>
    serve(operation as typeof getVncConsole, async (call) => {
      const [asked] = Object.values(call.body) as { type: string }[]
      const type = asked?.type ?? ''
      const url = await urlOf(call, call.params['id'] ?? '', { protocol, type })
      return { body: { console: { type, url } } }
    })

  return [
    serve(createRemoteConsole, async (call) => {
      const { protocol, type } = call.body.remote_console
      const url = await urlOf(call, call.params['server_id'] ?? '', { protocol, type })
      return { body: { remote_console: { protocol, type, url } } }
    }),
    oldAction('vnc', getVncConsole),
    oldAction('spice', getSpiceConsole),
    oldAction('serial', getSerialConsole),
  ]
}
