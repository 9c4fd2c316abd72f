/** Sets up what a command needs of the machine, says what it does, and goes on with what there is. */
import { existsSync, readFileSync } from 'node:fs'
import { messageOf } from '#lib/undo.ts'
import { aptInstall, aptUpdate, type Granted, rightsOf } from './apt.ts'
import { hasProgram, missing } from './missing.ts'
import { type Need, NEEDS } from './packages.ts'
import { createProgress, type Screen } from './progress.ts'

export { fullPath, hasProgram } from './missing.ts'

export interface Machine {
  readonly environment: NodeJS.ProcessEnv
  readonly uid: number
  readonly screen: Screen
  readonly say: (line: string) => void
}

/** Installs what of `kinds` is missing where that is possible, and yields what is missing still. */
export async function setUp(
  kinds: readonly (keyof typeof NEEDS)[],
  machine: Machine,
): Promise<readonly Need[]> {
  const path = machine.environment['PATH'] ?? ''
  const needs = kinds.flatMap((kind) => NEEDS[kind])
  const lacking = missing(needs, path)
  if (lacking.length === 0) return []
  const rights = rightsTo(machine)
  const names = lacking.map((need) => need.package)
  if (!hasApt(machine))
    machine.say(`Not Debian: these packages' like must be installed by hand: ${names.join(' ')}`)
  else if (!rights)
    machine.say(`Not root, and no sudo. As root: apt-get install --no-install-recommends ${names.join(' ')}`)
  else await install(names, rights, machine)
  const left = missing(needs, path)
  for (const [without, packages] of byConsequence(left))
    machine.say(`Without ${packages.join(', ')}: ${without}.`)
  return left
}

/** Brings apt's lists up to date where that is possible; says whether it did. */
export async function refreshPackageLists(machine: Machine): Promise<boolean> {
  const rights = rightsTo(machine)
  if (!rights || !hasApt(machine)) return false
  const progress = createProgress(machine.screen)
  try {
    await aptUpdate(rights, machine.environment, progress)
    return true
  } catch (error) {
    machine.say(`The package lists could not be brought up to date. ${messageOf(error)}`)
    return false
  } finally {
    progress.done()
  }
}

const rightsTo = (machine: Machine): Granted | undefined =>
  rightsOf({
    uid: machine.uid,
    hasSudo: hasProgram('sudo', machine.environment['PATH'] ?? ''),
    interactive: machine.screen.isTTY === true,
  })

const hasApt = (machine: Machine): boolean =>
  isDebian() && hasProgram('apt-get', machine.environment['PATH'] ?? '')

async function install(names: readonly string[], rights: Granted, machine: Machine): Promise<void> {
  machine.say(`Installing Debian packages, this once: ${names.join(' ')}`)
  const progress = createProgress(machine.screen)
  try {
    await aptUpdate(rights, machine.environment, progress)
    await aptInstall(names, rights, machine.environment, progress)
    progress.done()
    machine.say('Debian packages installed.')
  } catch (error) {
    progress.done()
    machine.say(`They could not be installed. ${messageOf(error)}`)
  }
}

function byConsequence(needs: readonly Need[]): ReadonlyMap<string, string[]> {
  const map = new Map<string, string[]>()
  for (const need of needs) map.set(need.without, [...(map.get(need.without) ?? []), need.package])
  return map
}

function isDebian(): boolean {
  return (
    existsSync('/etc/os-release') && /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'))
  )
}
