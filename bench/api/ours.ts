/** nova-api as a process of its own over a filled database, beside a small cloud whose Keystone, Glance and Neutron it asks. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { login } from '../../test/cloud-client.ts'
import { ROOT, startCloudProcess, temporaryStateDir } from '../../test/end-to-end/cloud-process.ts'
import { eventually } from '../../test/eventually.ts'
import { commandOf, cpuSeconds, processTree } from '../measure/processes.ts'
import type { Owner } from './fill.ts'
import type { Target } from './measure.ts'

/** The cloud beside the API that is measured. */
export interface Surroundings {
  readonly owner: Owner
  /** Starts nova-api on a database. `databaseRoot`: the process whose children serve it, when it is not in the file. */
  startApi(url: string, databaseRoot?: number): Promise<Target & { stop(): Promise<void> }>
  stop(): Promise<void>
}

export async function startSurroundings(): Promise<Surroundings> {
  const dir = temporaryStateDir()
  const cloud = await startCloudProcess(dir, ['--driver', 'simulated', '--hosts', '1'])
  const demo = await login(dir, 'kilonova')
  const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
  const { token } = await demo.ok('identity', 'GET', '/auth/tokens', undefined, {
    'x-subject-token': demo.token,
  })
  let started = 0
  const owner = { projectId: demo.projectId, userId: String(token.user.id), imageId: images[0]?.id ?? '' }
  const { passwords } = JSON.parse(readFileSync(join(dir, 'state.json'), 'utf8')) as {
    passwords: Record<string, string>
  }
  return {
    owner,
    async startApi(url, databaseRoot) {
      const own = `api-${started++}`
      const conf = join(dir, `${own}.conf`)
      writeFileSync(
        conf,
        confOf(url, cloud.endpoints['identity'] ?? '', passwords['nova'] ?? '', join(dir, `${own}.log`)),
      )
      const api = spawn(process.execPath, [join(ROOT, 'bin/nova-api.mjs'), '--config-file', conf], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let printed = ''
      api.stdout.on('data', (data: Buffer) => (printed += data.toString()))
      const root = await eventually(() => /listening at (http:\/\/\S+)/.exec(printed)?.[1], {
        withinMs: 60_000,
        what: 'nova-api listening',
      })
      return {
        url: `${root.replace('0.0.0.0', '127.0.0.1')}/v2.1`,
        token: demo.token,
        microversion: '2.93',
        clients: 4,
        atLeast: 30,
        cpu: () => ({
          api: sumOf(processTree(api.pid ?? 0)),
          database: databaseRoot === undefined ? 0 : sumOf(postgresOf(databaseRoot)),
        }),
        async stop() {
          const gone = once(api, 'exit')
          api.kill('SIGTERM')
          await gone
        },
      }
    },
    async stop() {
      await cloud.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

const sumOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)

/** The database's processes among what we started. */
const postgresOf = (root: number): number[] =>
  processTree(root).filter((pid) => commandOf(pid) === 'postgres')

const confOf = (url: string, identity: string, password: string, log: string): string => `[DEFAULT]
transport_url = in-process://
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = 0
log_file = ${log}
[database]
connection = ${url}
[quota]
instances = -1
cores = -1
ram = -1
[keystone_authtoken]
www_authenticate_uri = ${identity}
auth_url = ${identity}
auth_type = password
username = nova
password = ${password}
project_name = service
user_domain_name = Default
project_domain_name = Default
`
