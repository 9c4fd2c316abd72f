/** Whether Keystone has a project: asked before something is kept for one. */
import { type HttpClient, HttpFailure } from '#lib/http/index.ts'
import type { Projects, ServiceSession } from './port.ts'
import { identityRoot } from './token-body.ts'

export interface ProjectsOptions {
  readonly http: HttpClient
  /** Keystone's URL, with or without `/v3`. */
  readonly authUrl: string
  readonly session: ServiceSession
}

const TIMEOUT_MS = 30_000

/** Asks Keystone each time. Only a plain "not found" is a no: whoever may not ask, or cannot, must not be stopped by that. */
export function createProjects({ http, authUrl, session }: ProjectsOptions): Projects {
  const statusOf = async (id: string): Promise<number | undefined> => {
    const url = `${identityRoot(authUrl)}/projects/${encodeURIComponent(id)}`
    const headers = await session.headers()
    try {
      return (await http.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS })).status
    } catch (error) {
      if (error instanceof HttpFailure) return undefined
      throw error
    }
  }
  return {
    async exists(id) {
      const first = await statusOf(id)
      if (first !== 401) return first !== 404
      session.invalidate()
      return (await statusOf(id)) !== 404
    },
  }
}
