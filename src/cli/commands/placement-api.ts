/** `placement-api`: the Placement service on a port of its own, configured by placement.conf, until it is asked to stop. */
import { ConfigError } from '#config/index.ts'
import { helpOf, parseArguments, UsageError, wholeNumber } from '../arguments.ts'
import { startPlacementService } from '../placement/service.ts'
import { loadPlacementSettings } from '../placement/settings.ts'
import { collectAlone } from '../services/collect-alone.ts'
import { reloader } from '../services/reload.ts'
import { createSupervisor } from '../services/supervisor.ts'
import { listenForStop } from '../up/stopping.ts'

const SPECS = {
  host: { value: 'ADDRESS', default: '127.0.0.1', help: 'address to listen on' },
  port: { value: 'N', default: '8778', help: 'port to listen on; 0 picks a free one' },
  'mount-path': { value: 'PATH', default: '', help: 'serve under this path, such as /placement' },
  'config-file': { value: 'FILE', multiple: true, help: 'placement.conf to read' },
  'config-dir': { value: 'DIR', multiple: true, help: 'read its *.conf after the files' },
  help: { help: 'this text' },
} as const

const USAGE = 2
const STOP = ['SIGINT', 'SIGTERM'] as const
const MAX_PORT = 65_535

/** Runs until a signal; yields the exit code. */
export async function placementApi(args: readonly string[]): Promise<number> {
  try {
    const given = parseArguments(SPECS, args)
    if (given.help) {
      console.log(`placement-api [options]\n\n${helpOf(SPECS)}`)
      return 0
    }
    if (!/^(\/[\w-]+)*$/.test(given['mount-path']))
      throw new UsageError(`--mount-path ${given['mount-path']}: /placement, for example, was expected`)
    collectAlone()
    const files = { files: given['config-file'], directories: given['config-dir'] }
    const supervisor = createSupervisor(process.env)
    const settings = await loadPlacementSettings(files, process.env)
    for (const warning of settings.warnings) console.error(`warning: ${warning}`)
    const stopping = listenForStop((line) => console.error(line), STOP)
    const service = await startPlacementService(settings, {
      host: given.host,
      port: wholeNumber('port', given.port, 0, MAX_PORT),
      mountPath: given['mount-path'],
    })
    const onHangup = reloader('placement-api', {
      supervisor,
      status: `listening at ${service.url}`,
      reload: async () => service.reload(await loadPlacementSettings(files, process.env)),
    })
    process.on('SIGHUP', onHangup)
    console.log(`placement-api: listening at ${service.url}`)
    await supervisor.ready(`listening at ${service.url}`)
    await stopping.asked
    process.off('SIGHUP', onHangup)
    await supervisor.stopping()
    await service.stop()
    stopping.dispose()
    return 0
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error
    console.error(`placement-api: ${error.message}`)
    return USAGE
  }
}
