/** The discovery document behind the token: below a project's path, and by name. */
import { notFound } from '#lib/fault.ts'
import { operation } from '#lib/versioned/index.ts'
import { type Call, type Route, serve } from '#api/kernel/index.ts'
import { oneVersion } from './documents.ts'

const showRoot = operation({ path: 'GET /' })
const showOne = operation({ path: 'GET /versions/{id}' })

function show(id: string, call: Call<unknown, unknown, never>) {
  const document = oneVersion(new URL(call.links.bookmarkBase).origin, id)
  if (!document) throw notFound('The resource could not be found.')
  return { body: document }
}

export const versionRoutes: readonly Route[] = [
  serve(showRoot, (call) => show('v2.1', call)),
  serve(showOne, (call) => show(call.params.id ?? '', call)),
]
