/** Cinder's error bodies: the kind as the only key, code and message below it. */
import { type Fault, FAULT_STATUS, notFound } from '#lib/fault.ts'
import type { RenderedFault } from '#lib/http/index.ts'

const NAMES: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  501: 'notImplemented',
  503: 'serviceUnavailable',
}
const UNEXPECTED = 'The server has either erred or is incapable of performing the requested operation.'

export function renderFault(fault: Fault): RenderedFault {
  const code = FAULT_STATUS[fault.kind]
  const message = fault.kind === 'internal' ? UNEXPECTED : fault.message
  // The token is looked at before Cinder, by a filter with errors of its own.
  if (code === 401)
    return {
      body: { error: { code, title: 'Unauthorized', message } },
      headers: { 'www-authenticate': 'Keystone' },
    }
  const retryAfter = code === 413 ? { retryAfter: '0' } : {}
  return { body: { [NAMES[code] ?? 'computeFault']: { code, message, ...retryAfter } } }
}

export const noVolume = (id: string): Fault => notFound(`Volume ${id} could not be found.`)
export const noSnapshot = (id: string): Fault => notFound(`Snapshot ${id} could not be found.`)
export const noAttachment = (id: string): Fault =>
  notFound(`Volume attachment could not be found with filter: attachment_id = ${id}.`)
export const noTransfer = (id: string): Fault => notFound(`Transfer ${id} could not be found.`)
export const noType = (id: string): Fault => notFound(`Volume type ${id} could not be found.`)
