/** What watchers of a process ask: that it lives, that it can work, and oslo's `/healthcheck`. */
import type { ServerResponse } from 'node:http'
import { messageOf } from '#lib/undo.ts'
import type { Mount } from '../up/front-door.ts'

/** Resolves when what it looks at works; rejects, saying why, when it does not. */
export type Check = () => Promise<void>

/** A check that takes longer has failed. */
const CHECK_MS = 3_000

/**
 * `/live`: the process answers. `/ready`: 200 when every check passes, else 503, with each one's result as JSON.
 * Why a check failed may name what clients need not know: it is said only with `details`.
 * `/healthcheck`: what load balancers ask of OpenStack's services, `OK` or 503, by the same checks.
 */
export function healthMounts(
  checks: () => Readonly<Record<string, Check>>,
  { details }: { readonly details: boolean },
): readonly Mount[] {
  const mount = (prefix: string, answer: (response: ServerResponse) => Promise<void>): Mount => ({
    prefix,
    app: {
      routing: (_request, response) =>
        void answer(response).catch((error: unknown) => say(response, 500, 'text/plain', messageOf(error))),
    },
  })
  return [
    mount('/live', async (response) =>
      say(response, 200, 'application/json', JSON.stringify({ live: true })),
    ),
    mount('/ready', async (response) => {
      const results = await runAll(checks())
      const ready = Object.values(results).every((result) => result === 'ok')
      if (!details)
        for (const [name, result] of Object.entries(results)) if (result !== 'ok') results[name] = 'failed'
      say(response, ready ? 200 : 503, 'application/json', JSON.stringify({ ready, checks: results }))
    }),
    mount('/healthcheck', async (response) => {
      const results = Object.entries(await runAll(checks()))
      const failed = results.filter(([, result]) => result !== 'ok').map(([name]) => name)
      const text = failed.length === 0 ? 'OK' : `FAILED ${failed.join(' ')}`
      say(response, failed.length === 0 ? 200 : 503, 'text/plain', text)
    }),
  ]
}

async function runAll(checks: Readonly<Record<string, Check>>): Promise<Record<string, string>> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await resultOf(check)] as const),
  )
  return Object.fromEntries(results)
}

async function resultOf(check: Check): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${CHECK_MS} ms`), CHECK_MS)
  })
  const result = check().then(
    () => 'ok',
    (error: unknown) => messageOf(error),
  )
  try {
    return await Promise.race([result, late])
  } finally {
    clearTimeout(timer)
  }
}

function say(response: ServerResponse, status: number, type: string, text: string): void {
  const headers = {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  }
  response.writeHead(status, headers).end(text)
}
