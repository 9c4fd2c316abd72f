/** A Cinder of its own for a test, beside a Keystone and a Glance: on a free port, with its files in a temporary folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Database } from '#db/kit/index.ts'
import type { HttpAnswer } from '#lib/http/index.ts'
import { randomIds } from '#lib/ids.ts'
import { silentLog } from '#lib/log.ts'
import { createIdentity } from '#neighbours/identity/index.ts'
import { createVolumes, type Caller, type Volumes } from '#neighbours/volumes/index.ts'
import { createCinder, type Cinder } from '#stand-ins/cinder/index.ts'
import { type ImageCloud, startGlance } from './glance-cloud.ts'

export interface VolumeCloud {
  readonly images: ImageCloud
  readonly cinder: Cinder
  readonly storeDir: string
  readonly volumes: Volumes
  /** A user's token and project. */
  caller(name: string): Promise<Caller>
  /** `path` below the caller's project. */
  call(caller: Caller, method: string, path: string, json?: unknown, minor?: number): Promise<HttpAnswer>
  /** A second Cinder on the same state, as after a restart. */
  restart(): Promise<void>
}

export async function startCinder(t: TestContext, database?: Database): Promise<VolumeCloud> {
  const images = await startGlance(t, database)
  const storeDir = await mkdtemp(join(tmpdir(), 'cinder-'))
  const { cloud } = images
  const session = cloud.session('nova')
  const identity = createIdentity({
    session,
    http: cloud.http,
    authUrl: cloud.url,
    cacheMs: 60_000,
    clock: cloud.clock,
  })
  let url = ''
  const options = {
    storeDir,
    identity,
    db: cloud.db,
    images: images.images,
    log: silentLog,
    ids: randomIds,
    clock: cloud.clock,
    publicUrl: () => url,
    mountPath: '',
  }
  const cinder = createCinder(options)
  await cinder.start()
  url = await cinder.app.listen({ port: 0, host: '127.0.0.1' })
  t.after(async () => {
    await cinder.close()
    await rm(storeDir, { recursive: true })
  })
  const projectOf = async (token: string): Promise<string> =>
    (await identity.validate(token))?.projectId ?? ''
  const service = async () => projectOf((await session.headers())['x-auth-token'] ?? '')
  return {
    images,
    cinder,
    storeDir,
    volumes: createVolumes({
      http: cloud.http,
      session: { ...session, endpoint: async () => `${url}/v3/${await service()}` },
    }),
    async caller(name) {
      const token = await cloud.token(name)
      return { token, projectId: await projectOf(token) }
    },
    call: ({ token, projectId }, method, path, json, minor = 44) =>
      cloud.http.send({
        method,
        url: `${url}/v3/${projectId}${path}`,
        headers: { 'x-auth-token': token, 'openstack-api-version': `volume 3.${minor}` },
        ...(json !== undefined && { json }),
      }),
    async restart() {
      const again = createCinder(options)
      await again.start()
      await again.close()
    },
  }
}
