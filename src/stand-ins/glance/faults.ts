/** Glance's error bodies: a small HTML page, as its clients expect to take apart. */
import { type Fault, FAULT_STATUS, notFound } from '#lib/fault.ts'
import type { RenderedFault } from '#lib/http/index.ts'
import { STATUS_CODES } from 'node:http'

const UNEXPECTED = 'The server has either erred or is incapable of performing the requested operation.'
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#x27;',
}

export function renderFault(fault: Fault): RenderedFault {
  const status = FAULT_STATUS[fault.kind]
  const title = `${status} ${STATUS_CODES[status] ?? 'Error'}`
  const message = fault.kind === 'internal' ? UNEXPECTED : fault.message
  const escaped = message.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign)
  return {
    body: `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n  ${escaped}<br /><br />\n\n\n </body>\n</html>`,
    headers: {
      'content-type': 'text/html; charset=UTF-8',
      ...(status === 401 && { 'www-authenticate': 'Keystone' }),
    },
  }
}

export const noImage = (id: string): Fault => notFound(`Failed to find image ${id}`)
