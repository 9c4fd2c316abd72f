/** Scripts of other origins: which may ask, and what browsers are told about it (`[cors]`). */
import type { HttpApp, HttpReply, HttpRequest } from '#lib/http/index.ts'

export interface CorsOptions {
  /** `https://dashboard.example.com`, or `*`. None: nothing is said to anybody. */
  readonly allowedOrigins: readonly string[]
  readonly allowCredentials: boolean
  readonly exposeHeaders: readonly string[]
  readonly maxAgeSeconds: number
  readonly allowMethods: readonly string[]
  readonly allowHeaders: readonly string[]
}

/** Headers that browsers may always send. */
const SIMPLE_HEADERS = [
  'accept',
  'accept-language',
  'content-type',
  'cache-control',
  'content-language',
  'expires',
  'last-modified',
  'pragma',
]

/** Answers preflights, before anything asks for a token, and marks the answers of requests. */
export function addCors(app: HttpApp, options: CorsOptions): void {
  if (options.allowedOrigins.length === 0) return
  const headers = new Set([...options.allowHeaders.map((name) => name.toLowerCase()), ...SIMPLE_HEADERS])
  app.addHook('onRequest', async (request, reply) => {
    const origin = allowedOrigin(options, request)
    if (request.method === 'OPTIONS') {
      if (origin !== undefined) preflight(options, headers, origin, request, reply)
      return reply.code(200).send()
    }
    return undefined
  })
  app.addHook('onSend', async (request, reply) => {
    const origin = allowedOrigin(options, request)
    if (origin === undefined || request.method === 'OPTIONS') return
    const vary = reply.getHeader('vary')
    reply.header('vary', vary === undefined ? 'Origin' : `${String(vary)},Origin`)
    allow(options, origin, reply)
    if (options.exposeHeaders.length > 0)
      reply.header('access-control-expose-headers', options.exposeHeaders.join(','))
  })
}

function allowedOrigin({ allowedOrigins }: CorsOptions, request: HttpRequest): string | undefined {
  const { origin } = request.headers
  if (typeof origin !== 'string') return undefined
  if (allowedOrigins.includes(origin)) return origin
  return allowedOrigins.includes('*') ? '*' : undefined
}

function allow(options: CorsOptions, origin: string, reply: HttpReply): void {
  reply.header('access-control-allow-origin', origin)
  if (options.allowCredentials) reply.header('access-control-allow-credentials', 'true')
}

/** Nothing is said of a method or a header that is not allowed: the browser then refuses by itself. */
function preflight(
  options: CorsOptions,
  headers: ReadonlySet<string>,
  origin: string,
  request: HttpRequest,
  reply: HttpReply,
): void {
  const method = request.headers['access-control-request-method']
  if (method === undefined || !options.allowMethods.includes(method)) return
  const asked = (request.headers['access-control-request-headers'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (asked.some((name) => !headers.has(name.toLowerCase()))) return
  reply.header('vary', 'Origin')
  allow(options, origin, reply)
  if (options.maxAgeSeconds > 0) reply.header('access-control-max-age', String(options.maxAgeSeconds))
  reply.header('access-control-allow-methods', method)
  if (asked.length > 0) reply.header('access-control-allow-headers', asked.join(','))
}
