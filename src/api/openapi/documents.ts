/** Our own path beside the standard ones: `/kilonova/openapi` tells what each version changed, `…/2.53.json` is one of them. */
import { MAX_VERSION, MIN_VERSION, sendJson } from '#api/kernel/index.ts'
import { notFound } from '#lib/fault.ts'
import type { HttpReply, HttpRequest } from '#lib/http/index.ts'
import { type Operation, readVersion, type Version } from '#lib/versioned/index.ts'
import { openApiAt } from './document.ts'
import { historyOf, type VersionChanges } from './history.ts'
import { historyPage, withLinks } from './history-page.ts'
import { withUnicodePatterns } from './patterns.ts'

export interface Documents {
  /**
   * Sends what is asked for: `rest` is what follows `/kilonova/openapi`, `root` is where the API is. JSON, or a page where a
   * browser asks for the history. Throws the 404 for what there is not.
   */
  send(
    asked: { readonly rest: readonly string[]; readonly root: string },
    request: HttpRequest,
    reply: HttpReply,
  ): HttpReply
}

/** The documents of these operations. */
export function createDocuments(operations: readonly Operation[]): Documents {
  let history: readonly VersionChanges[] | undefined
  // Anybody may ask, without a token: one is kept, since most ask for the same.
  let last: { readonly version: Version; readonly document: object } | undefined
  const at = (version: Version): object => {
    if (last?.version !== version)
      last = { version, document: withUnicodePatterns(openApiAt(operations, version)) }
    return last.document
  }
  return {
    send({ rest: [name, ...more], root }, request, reply) {
      if (name === undefined) {
        history ??= historyOf(operations, MIN_VERSION, MAX_VERSION)
        const linked = withLinks(history, `${root}/kilonova/openapi`)
        return request.headers.accept?.includes('text/html') === true
          ? reply.code(200).header('content-type', 'text/html; charset=utf-8').send(historyPage(linked))
          : sendJson(reply, 200, { versions: linked })
      }
      const version = versionNamed(name)
      if (version === undefined || more.length > 0) throw notFound('The resource could not be found.')
      return sendJson(reply, 200, { ...at(version), servers: [{ url: `${root}/v2.1` }] })
    },
  }
}

/** `2.53.json`, `2.53`, `latest.json`. */
function versionNamed(name: string): Version | undefined {
  const text = name.replace(/\.json$/, '')
  const version = text === 'latest' ? MAX_VERSION : readVersion(text)
  return version !== undefined && version >= MIN_VERSION && version <= MAX_VERSION ? version : undefined
}
