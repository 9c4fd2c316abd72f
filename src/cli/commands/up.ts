/** `kilonova up`: a whole cloud in this process, until it is asked to stop. */
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../arguments.ts'
import type { Launch } from '../main.ts'
import { type Machine, setUp } from '../setup/set-up.ts'
import { thisMachine } from '../this-machine.ts'
import { type Cloud, startCloud } from '../up/cloud.ts'
import { chooseDriver } from '../up/machine-abilities.ts'
import { listenForStop, type Stopping } from '../up/stopping.ts'
import { buildTinyImage } from '../up/tiny-image.ts'
import { readUpArguments, type UpArguments, upHelp } from '../up/up-arguments.ts'

const USAGE = 2

/** Runs until a signal; yields the exit code. */
export async function up(args: readonly string[], launch: Launch): Promise<number> {
  let given: UpArguments
  try {
    given = readUpArguments(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`kilonova up: ${error.message}\n\n${upHelp()}`)
    return USAGE
  }
  if (given.help) {
    console.log(upHelp())
    return 0
  }
  return run(given, launch)
}

async function run(given: UpArguments, launch: Launch): Promise<number> {
  const machine = thisMachine()
  // Whoever read what we print may go away; the cloud stays.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const stopping = listenForStop(machine.say)
  try {
    return await runUntil(stopping, given, launch, machine)
  } finally {
    // What listens keeps the process alive, after a start that failed too.
    stopping.dispose()
  }
}

async function runUntil(
  stopping: Stopping,
  given: UpArguments,
  launch: Launch,
  machine: Machine,
): Promise<number> {
  const driver = await chooseDriver(given.driver, !existsSync(join(given.stateDir, 'state.json')), machine)
  const cloud = await startCloud({
    ...given,
    driver,
    environment: process.env,
    isRoot: machine.uid === 0,
    say: machine.say,
    tinyImage: async () => {
      if (driver === 'simulated') return undefined
      await setUp(['image'], machine)
      return buildTinyImage(launch.root, launch.cache, machine)
    },
  })
  announce(cloud, given, launch)
  const why = await stopping.asked
  console.log(`\nStopping (${why}); once more hurries it.`)
  await cloud.stop(stopping.hurry)
  console.log('Stopped. The next start finds the same servers.')
  return 0
}

function announce(cloud: Cloud, given: UpArguments, launch: Launch): void {
  const seconds = ((Date.now() - launch.launchedAt) / 1_000).toFixed(2)
  if (given.verbose) console.log(cloud.timing)
  console.log(`ready in ${seconds} s: ${cloud.url} (${cloud.about}; state in ${given.stateDir})`)
  console.log(`
  export OS_CLIENT_CONFIG_FILE=${given.stateDir}/clouds.yaml OS_CLOUD=kilonova
  openstack server create --image tiny --flavor m1.nano --network private --wait s1
  openstack console log show s1
  openstack console url show --novnc s1

Ctrl-C stops it.`)
  if (given.readyFile !== undefined) writeReadyFile(given.readyFile, cloud, given)
}

/** One line of JSON, there whole or not at all. */
function writeReadyFile(path: string, cloud: Cloud, given: UpArguments): void {
  const line = JSON.stringify({
    url: cloud.url,
    endpoints: cloud.endpoints,
    pid: process.pid,
    state_directory: given.stateDir,
    driver: cloud.driver,
  })
  writeFileSync(`${path}.new`, `${line}\n`)
  renameSync(`${path}.new`, path)
}
