/** A Glance of its own for a test, beside a Keystone of its own: on a free port, with its store in a temporary folder. */
import type { Database } from '#db/kit/index.ts'
import type { HttpAnswer } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import { createIdentity } from '#neighbours/identity/index.ts'
import { createImages } from '#neighbours/images/index.ts'
import type { Images } from '#neighbours/images/port.ts'
import { createGlance, type Glance } from '#stand-ins/glance/index.ts'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type KeystoneCloud, startKeystone } from './keystone-cloud.ts'

const PATCH = 'application/openstack-images-v2.1-json-patch'
export const DATA = { 'content-type': 'application/octet-stream' }

export interface ImageCloud {
  readonly cloud: KeystoneCloud
  readonly glance: Glance
  readonly url: string
  readonly storeDir: string
  readonly images: Images
  /** A second Glance on the same state, as after a restart. */
  restart(): Promise<void>
  call(token: string, method: string, path: string, json?: unknown): Promise<HttpAnswer>
  put(token: string, id: string, data: Buffer, headers?: Record<string, string>): Promise<HttpAnswer>
  patch(token: string, id: string, changes: unknown, type?: string): Promise<HttpAnswer>
  /** A new image's id. */
  make(token: string, attributes?: object, data?: Buffer): Promise<string>
}

export const MAX_IMAGE_BYTES = 3_000_000

export async function startGlance(t: TestContext, database?: Database): Promise<ImageCloud> {
  const storeDir = await mkdtemp(join(tmpdir(), 'glance-'))
  let url = ''
  const cloud = await startKeystone(t, database)
  const identity = createIdentity({
    http: cloud.http,
    authUrl: cloud.url,
    session: cloud.session('glance'),
    cacheMs: 60_000,
    clock: cloud.clock,
  })
  const options = {
    db: cloud.db,
    identity,
    storeDir,
    log: silentLog,
    ids: randomIds,
    clock: cloud.clock,
    publicUrl: () => url,
    mountPath: '',
    maxImageBytes: MAX_IMAGE_BYTES,
  }
  const glance = createGlance(options)
  await glance.start()
  url = await glance.app.listen({ port: 0, host: '127.0.0.1' })
  t.after(async () => {
    await glance.close()
    await rm(storeDir, { recursive: true })
  })
  // The catalog of this cloud was made before this Glance had its port.
  const session = { ...cloud.session('nova'), endpoint: async () => url }
  const headersOf = (token: string) => ({ 'x-auth-token': token })
  const call: ImageCloud['call'] = (token, method, path, json) =>
    cloud.http.send({
      method,
      url: `${url}${path}`,
      headers: headersOf(token),
      ...(json !== undefined && { json }),
    })
  const put: ImageCloud['put'] = (token, id, data, headers = DATA) =>
    cloud.http.send({
      method: 'PUT',
      url: `${url}/v2/images/${id}/file`,
      headers: { ...headersOf(token), ...headers },
      body: data,
    })
  return {
    cloud,
    glance,
    url,
    storeDir,
    images: createImages({ http: cloud.http, session }),
    async restart() {
      const again = createGlance(options)
      await again.start()
      await again.close()
    },
    call,
    put,
    patch: (token, id, changes, type = PATCH) =>
      cloud.http.send({
        method: 'PATCH',
        url: `${url}/v2/images/${id}`,
        headers: { ...headersOf(token), 'content-type': type },
        json: changes,
      }),
    async make(token, attributes = {}, data) {
      const answer = await call(token, 'POST', '/v2/images', {
        name: 'i',
        disk_format: 'raw',
        container_format: 'bare',
        ...attributes,
      })
      assert.equal(answer.status, 201, answer.text)
      const id = (answer.json as { id: string }).id
      if (data !== undefined) assert.equal((await put(token, id, data)).status, 204)
      return id
    },
  }
}
