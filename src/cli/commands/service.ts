/** `nova-api` and its siblings: one service in this process, or in several workers, until it is asked to stop. */
import cluster from 'node:cluster'
import { ConfigError } from '#config/index.ts'
import { helpOf, parseArguments, UsageError, wholeNumber } from '../arguments.ts'
import { collectAlone } from '../services/collect-alone.ts'
import { type ServiceDeclaration, type ServiceName, SERVICES } from '../services/declarations.ts'
import { reloader } from '../services/reload.ts'
import { startService } from '../services/run.ts'
import { loadServiceSettings } from '../services/settings.ts'
import { createSupervisor } from '../services/supervisor.ts'
import { runWorkers } from '../services/workers.ts'
import { listenForStop } from '../up/stopping.ts'

const SPECS = {
  'config-file': { value: 'FILE', multiple: true, help: 'nova.conf to read [/etc/nova/nova.conf]' },
  'config-dir': { value: 'DIR', multiple: true, help: 'read its *.conf after the files' },
  workers: { value: 'N', default: '1', help: 'processes that share the port, for services that listen' },
  'reuse-port': { help: 'let other processes listen on the same port' },
  'health-port': {
    value: 'N',
    help: 'serve /live, /ready and /healthcheck on a port of their own too',
  },
  'stop-guests': { help: 'nova-compute: stop the guests too when asked to stop' },
  help: { help: 'this text' },
} as const

const USAGE = 2
const FAILED = 1
const MAX_PORT = 65_535
const MAX_WORKERS = 256
const STOP = ['SIGINT', 'SIGTERM'] as const

type Given = ReturnType<typeof parseArguments<typeof SPECS>>

/** Runs until a signal; yields the exit code. */
export async function service(name: ServiceName, args: readonly string[]): Promise<number> {
  const declaration: ServiceDeclaration = SERVICES[name]
  try {
    const given = parseArguments(SPECS, args)
    if (given.help) {
      console.log(`${name} [options]\n\n${helpOf(SPECS)}`)
      return 0
    }
    const workers = wholeNumber('workers', given.workers, 1, MAX_WORKERS)
    if (workers > 1 && !declaration.listens)
      throw new UsageError(`--workers: ${name} has no port to share; start it several times`)
    if (workers > 1 && cluster.isPrimary) return await runWorkers(name, workers)
    return await run(name, declaration, given)
  } catch (error) {
    // A worker's channel to its parent would keep it.
    cluster.worker?.disconnect()
    if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error
    console.error(`${name}: ${error.message}`)
    return USAGE
  }
}

async function run(name: ServiceName, declaration: ServiceDeclaration, given: Given): Promise<number> {
  const load = () =>
    loadServiceSettings({ files: given['config-file'], directories: given['config-dir'] }, process.env)
  if (declaration.listens) collectAlone()
  const supervisor = createSupervisor(process.env)
  const settings = await load()
  for (const warning of settings.warnings) console.error(`warning: ${warning}`)
  const stopping = listenForStop((line) => console.error(line), STOP)
  const health = given['health-port']
  const waiting = new AbortController()
  void stopping.asked.then(() => waiting.abort())
  const starting = startService(name, declaration, settings, {
    healthPort: health === undefined ? undefined : wholeNumber('health-port', health, 0, MAX_PORT),
    reusePort: given['reuse-port'],
    stopGuests: given['stop-guests'],
    isWorker: cluster.isWorker,
    signal: waiting.signal,
  })
  const running = await starting.catch((error: unknown) => {
    stopping.dispose()
    // Asked to stop while it waited: nothing of it is left.
    if (waiting.signal.aborted) return undefined
    throw error
  })
  if (!running) return 0
  const status = running.url === undefined ? 'running' : `listening at ${running.url}`
  const onHangup = reloader(name, { supervisor, status, reload: async () => running.reload(await load()) })
  process.on('SIGHUP', onHangup)
  console.log(`${name}: ${status}`)
  await supervisor.ready(status)
  const failure = await Promise.race([stopping.asked.then(() => undefined), running.failed])
  if (failure) console.error(`${name}: ${failure.message}`)
  process.off('SIGHUP', onHangup)
  await supervisor.stopping()
  await running.stop()
  stopping.dispose()
  // A worker's channel to its parent would keep it.
  cluster.worker?.disconnect()
  return failure ? FAILED : 0
}
