/** Those who use the cloud meanwhile: they try again where any client would, and remember what they were told. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Answer, CloudClient } from '../cloud-client.ts'
import type { Random } from '../simulation/random.ts'

/** What callers were told. */
export interface Ledger {
  /** Servers that were accepted, by id. */
  readonly created: Set<string>
  /** Servers whose delete was asked for, whatever came of it. */
  readonly unwanted: Set<string>
  /** Servers whose delete was accepted. */
  readonly deleted: Set<string>
  /** How many of which answers: `POST /servers 202`. */
  readonly answers: Map<string, number>
  /** What nobody should ever be told. */
  readonly outrages: string[]
}

export const openLedger = (): Ledger => ({
  created: new Set(),
  unwanted: new Set(),
  deleted: new Set(),
  answers: new Map(),
  outrages: [],
})

/** How long an answer may take before the connection is given up. */
const ANSWER_MS = 30_000
/** How long a client tries again. */
const PATIENCE_MS = 90_000
/** So many servers of its own a client keeps at most. */
const MOST_SERVERS = 6

type Tried = Answer | 'broken'

/** Asks once. */
async function attempt(demo: CloudClient, ledger: Ledger, method: string, path: string, body?: unknown) {
  const late = delay(ANSWER_MS, 'broken' as const, { ref: false })
  const asked = demo.call('compute', method, path, body).catch((error: unknown) => {
    // What fetch throws when the other side is gone.
    if (error instanceof TypeError) return 'broken' as const
    throw error
  })
  const answer: Tried = await Promise.race([asked, late])
  const what = `${method} ${path.replace(/[0-9a-f-]{36}/g, 'ID').replace(/\?.*/, '')}`
  const outcome = `${what} ${answer === 'broken' ? answer : answer.status}`
  ledger.answers.set(outcome, (ledger.answers.get(outcome) ?? 0) + 1)
  if (answer !== 'broken' && (answer.status === 401 || (answer.status >= 500 && answer.status !== 503)))
    ledger.outrages.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer
}

/** Asks until it is answered with anything but "not now". */
async function insist(
  demo: CloudClient,
  ledger: Ledger,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const end = performance.now() + PATIENCE_MS
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
    const answer = await attempt(demo, ledger, method, path, body)
    if (answer !== 'broken' && answer.status < 500) return answer
    if (performance.now() > end) throw new Error(`${method} ${path} was not answered for ${PATIENCE_MS} ms`)
    await delay(waitMs)
  }
}

export interface Client {
  /** Works until told to stop. */
  work(stop: AbortSignal): Promise<void>
}

export function createClient(
  name: string,
  { demo, server, random, ledger }: { demo: CloudClient; server: object; random: Random; ledger: Ledger },
): Client {
  const own: string[] = []
  let made = 0

  /** A create whose answer was lost may have been done: its name tells. */
  async function create(): Promise<void> {
    const wanted = { ...server, name: `${name}-${++made}` }
    for (;;) {
      const answer = await attempt(demo, ledger, 'POST', '/servers', { server: wanted })
      if (answer !== 'broken' && answer.status !== 503) {
        if (answer.status === 202) keep((answer.body as { server: { id: string } }).server.id)
        return
      }
      await delay(300)
      const listed = await insist(demo, ledger, 'GET', `/servers?name=^${wanted.name}$`)
      const [found] = (listed.body as { servers: { id: string }[] }).servers
      if (found) return keep(found.id)
    }
  }
  function keep(id: string): void {
    own.push(id)
    ledger.created.add(id)
  }
  async function remove(id: string): Promise<void> {
    own.splice(own.indexOf(id), 1)
    ledger.unwanted.add(id)
    const { status } = await insist(demo, ledger, 'DELETE', `/servers/${id}`)
    // 404: an earlier try was heard, though we were not told.
    if (status === 204 || status === 404) ledger.deleted.add(id)
    else ledger.outrages.push(`DELETE of ${id}: ${status}`)
  }
  async function act(id: string, action: object): Promise<void> {
    const answer = await attempt(demo, ledger, 'POST', `/servers/${id}/action`, action)
    if (answer !== 'broken' && answer.status === 404) ledger.outrages.push(`server ${id} is lost`)
  }
  const actions = [
    { reboot: { type: 'SOFT' } },
    { reboot: { type: 'HARD' } },
    { 'os-stop': null },
    { 'os-start': null },
  ]
  return {
    async work(stop) {
      while (!stop.aborted) {
        if (own.length === 0 || (own.length < MOST_SERVERS && random.chance(0.45))) await create()
        else if (own.length >= MOST_SERVERS || random.chance(0.5)) await remove(random.pick(own))
        else await act(random.pick(own), random.pick(actions))
        await delay(random.between(100, 900), undefined, { signal: stop }).catch(() => undefined)
      }
    },
  }
}
