/** Faults in Nova's bodies, and the few that never reach Nova and look like Keystone's or the router's. */
import { Fault } from '#lib/fault.ts'
import type { RenderedFault } from '#lib/http/index.ts'
import { type Problem, str } from '#lib/versioned/index.ts'

/** Names of faults by status; everything else is a `computeFault`. */
const FAULT_NAMES: Readonly<Record<number, string>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
}

const UNMATCHED = 'router.unmatched'
const UNAUTHENTICATED = 'keystone.unauthenticated'

const BODIES_OF_CODES: Readonly<Record<string, object>> = {
  [UNMATCHED]: {
    message: 'The resource could not be found.<br /><br />\n\n\n',
    code: '404 Not Found',
    title: 'Not Found',
  },
  [UNAUTHENTICATED]: {
    error: {
      code: 401,
      title: 'Unauthorized',
      message: 'The request you have made requires authentication.',
    },
  },
}

export function renderFault(fault: Fault): RenderedFault {
  const own = fault.code === undefined ? undefined : BODIES_OF_CODES[fault.code]
  if (own) return { body: own }
  const message = fault.status === 413 ? 'Request is too large.' : fault.message
  return { body: { [FAULT_NAMES[fault.status] ?? 'computeFault']: { code: fault.status, message } } }
}

/** No route has this path and method at any version. */
export const unmatched = (): Fault =>
  new Fault('notFound', 'The resource could not be found.', { code: UNMATCHED })

/** The route exists, but not at this version. */
export const notAtThisVersion = (): Fault => new Fault('notFound', 'The resource could not be found.')

/** No token, or one that Keystone does not know. `authUri` tells where to get one. */
export const unauthenticated = (authUri: string): Fault =>
  new Fault('unauthorized', 'The request you have made requires authentication.', {
    code: UNAUTHENTICATED,
    headers: { 'WWW-Authenticate': `Keystone uri="${authUri}"` },
  })

/** What does not fit a schema, in Nova's words: for a body the innermost name is told, for a query the parameter's. */
export function misfit(problem: Problem, where: 'field/attribute' | 'query parameters'): Fault {
  const name = where === 'field/attribute' ? problem.path.at(-1) : problem.path[0]
  if (problem.alone || name === undefined) return new Fault('badRequest', problem.message)
  const message = `Invalid input for ${where} ${name}. Value: ${str(problem.value)}. ${problem.message}`
  return new Fault('badRequest', message)
}
