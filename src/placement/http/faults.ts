/** Errors in Placement's form. */
import { STATUS_CODES } from 'node:http'
import type { Fault } from '#lib/fault.ts'
import type { RenderedFault } from '#lib/http/index.ts'
import type { Version } from '#lib/versioned/index.ts'
import { MAX_VERSION, MIN_VERSION, SAYS_ERROR_CODE, UNACCEPTABLE } from './version.ts'

/**
 * `{ errors: [{ status, title, detail, code, request_id }] }`. `version` is unknown when the fault came before
 * it. Who has no token is told so in Keystone's form, as its middleware does.
 */
export function renderFault(fault: Fault, version: Version | undefined, requestId: string): RenderedFault {
  if (fault.kind === 'unauthorized') {
    const { status: code, message } = fault
    return { body: { error: { code, message, title: 'Unauthorized' } } }
  }
  const error = {
    status: fault.status,
    title: STATUS_CODES[fault.status] ?? 'Error',
    detail:
      fault.kind === 'internal'
        ? 'The server has either erred or is incapable of performing the requested operation.'
        : fault.message,
    ...(version !== undefined &&
      version >= SAYS_ERROR_CODE && { code: fault.code ?? 'placement.undefined_code' }),
    request_id: requestId,
    ...(fault.code === UNACCEPTABLE && { max_version: MAX_VERSION, min_version: MIN_VERSION }),
  }
  return { body: { errors: [error] } }
}
