/** Keystone's error body, and the faults that are said in its words. */
import { conflict, Fault, FAULT_STATUS, forbidden, notFound } from '#lib/fault.ts'
import type { RenderedFault } from '#lib/http/index.ts'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}
const UNEXPECTED = 'An unexpected error prevented the server from fulfilling your request.'

/** A fault as `{"error": {code, message, title}}`. */
export function renderFault(fault: Fault): RenderedFault {
  const code = FAULT_STATUS[fault.kind]
  const message = fault.kind === 'internal' ? UNEXPECTED : fault.message
  const body = { error: { code, message, title: TITLES[code] ?? 'Error' } }
  return code === 401 ? { body, headers: { 'www-authenticate': 'Keystone uri="/v3"' } } : { body }
}

/** One message for a wrong user, a wrong password and a project out of reach: who asks learns nothing. */
export const unauthorized = (): Fault =>
  new Fault('unauthorized', 'The request you have made requires authentication.')

export const notPermitted = (action: string): Fault =>
  forbidden(`You are not authorized to perform the requested action: ${action}.`)

export const missing = (noun: string, id: string): Fault => notFound(`Could not find ${noun}: ${id}.`)

export const duplicate = (noun: string, name: string): Fault =>
  conflict(`Conflict occurred attempting to store ${noun} - Duplicate entry found with name ${name}.`)
