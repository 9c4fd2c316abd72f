/** Placement as it is, behind a network that refuses, delays, and loses answers; it dies and comes back like any other. */
import { HttpFailure, type HttpAnswer, type HttpClient } from '#lib/http/index.ts'
import { createPlacementApp, type PlacementApp } from '#placement/index.ts'
import { createPlacementClient } from '#neighbours/placement/index.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import type { TokenInfo } from '#neighbours/identity/port.ts'
import type { Database } from '#db/kit/index.ts'
import type { Ids } from '#lib/ids.ts'
import type { Log } from '#lib/log.ts'
import type { Life } from './life.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How calls over HTTP fare at the moment. */
export interface HttpWeather {
  requestMs(): number
  answerMs(): number
  refuses(): boolean
  losesAnswer(): boolean
}

/** Who listens: the life of a service, and its app. */
export interface Listener {
  readonly life: Life
  readonly app: PlacementApp['app']
}

export const serviceToken: TokenInfo = {
  userId: 'nova',
  userDomainId: 'default',
  projectId: 'service',
  projectDomainId: 'default',
  domainId: null,
  systemScope: null,
  roles: ['admin', 'service'],
  expiresAt: Number.MAX_SAFE_INTEGER,
}

export async function startPlacement(
  life: Life,
  parts: { readonly db: Database; readonly ids: Ids; readonly log: Log },
): Promise<Listener> {
  const { app, start } = createPlacementApp({
    ...parts,
    clock: life.clock,
    identity: { validate: async () => serviceToken },
  })
  await start()
  return { life, app }
}

const ORIGIN = 'http://placement'
const DEFAULT_TIMEOUT_MS = 60_000

/** A client in `life` of whoever listens. */
export function httpClient(options: {
  readonly life: Life
  readonly time: VirtualTime
  readonly weather: HttpWeather
  listener(): Listener | undefined
}): HttpClient {
  const { life, time, weather } = options
  const refused = (why: string) => new HttpFailure(`${ORIGIN} ${why}`)

  const answerOf = async (
    listener: Listener,
    call: Parameters<HttpClient['send']>[0],
  ): Promise<HttpAnswer> => {
    const isJson = call.json !== undefined
    const response = await listener.app.inject({
      method: call.method as 'GET',
      url: call.url.slice(ORIGIN.length),
      headers: { ...call.headers, ...(isJson && { 'content-type': 'application/json' }) },
      ...(isJson && { payload: JSON.stringify(call.json) }),
    })
    const text = response.payload
    const isJsonAnswer = (response.headers['content-type'] ?? '').includes('json') && text !== ''
    return {
      status: response.statusCode,
      headers: {},
      text,
      json: isJsonAnswer ? (JSON.parse(text) as unknown) : undefined,
    }
  }

  /** What the service does happens also when nobody waits for the answer any more. */
  const exchange = (call: Parameters<HttpClient['send']>[0]): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const fail = (why: string) => void time.after(1, () => reject(refused(why)))
      const giveUp = time.after(call.timeoutMs ?? DEFAULT_TIMEOUT_MS, () =>
        reject(refused('did not answer in time')),
      )
      const isThrough = life.connected && !weather.refuses()
      time.after(weather.requestMs(), () => {
        const listener = isThrough ? options.listener() : undefined
        if (!listener) {
          fail('refuses connections')
          return
        }
        listener.life.onCut(() => fail('broke the connection'))
        const answered = listener.life.awake().then(() => answerOf(listener, call))
        answered.then((answer) => {
          if (!life.connected || weather.losesAnswer()) return
          time.after(weather.answerMs(), () => {
            giveUp()
            resolve(answer)
          })
        }, reject)
      })
    })

  return {
    async send(call) {
      if (!life.cross()) return life.never()
      const answer = await exchange(call).then(
        (ok) => ({ ok }),
        (error: unknown) => ({ error }),
      )
      await life.awake()
      if (!life.cross()) return life.never()
      if ('error' in answer) throw answer.error
      return answer.ok
    },
    stream: () => Promise.reject(new Error('nothing here streams')),
    close: async () => undefined,
  }
}

export const placementClient = (http: HttpClient, life: Life): PlacementClient =>
  createPlacementClient({
    http,
    clock: life.clock,
    endpointOverride: ORIGIN,
    session: {
      headers: async () => ({ 'x-auth-token': 'nova' }),
      endpoint: async () => ORIGIN,
      invalidate() {},
    },
  })
