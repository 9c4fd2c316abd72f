/** The ground of the fuzz: in a file of its own, so that another connection sees whether rows changed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { startGround } from '../asks/things.ts'
import { IMAGE_ID, NETWORK_ID, type Response } from '../functional/api/compute-api.ts'
import type { Nonsense } from './requests.ts'

export interface FuzzGround {
  send(request: Nonsense): Promise<Response>
  /** Changes with every transaction that wrote something. */
  rowsVersion(): number
  replenish(): Promise<void>
}

/** Words that mean something here; those in braces stand for what is there when a request is sent. */
export const WORDS = [
  '{{server}}',
  '{{server}}',
  '{{flavor}}',
  '{{project}}',
  '{{group}}',
  '{{aggregate}}',
  IMAGE_ID,
  NETWORK_ID,
  '42',
  'h1',
  'nova-compute',
  'nova',
  'a',
  'auto',
  'none',
  '1',
]

export const CALLERS = ['demo', 'demo', 'admin', 'admin', 'admin', 'reader', 'alt', 'manager', 'service']

export async function fuzzGround(t: Pick<TestContext, 'after'>): Promise<FuzzGround> {
  const folder = mkdtempSync(join(tmpdir(), 'kilonova-fuzz-'))
  const file = join(folder, 'nova.sqlite')
  const { api, filled, replenish } = await startGround(t, { databaseUrl: `sqlite:///${file}` })
  const observer = new DatabaseSync(file, { readOnly: true })
  t.after(() => {
    observer.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const dataVersion = observer.prepare('pragma data_version')
  return {
    rowsVersion: () => Number(dataVersion.get()?.['data_version']),
    replenish,
    send({ method, path, at, body, contentType, as }) {
      const isOld = at === '2.0'
      return api.send(`${method} ${isOld ? '//v2' : ''}${filled(path)}`, {
        as,
        ...(!isOld && { at }),
        headers: { 'content-type': contentType },
        ...(body !== undefined && { body: filled(body) }),
      })
    },
  }
}
