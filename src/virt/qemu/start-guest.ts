/** Starting a guest whose disks are there: taps, QEMU, its monitor, run. On failure no process and no tap is left. */
import { unlessAborted } from '#lib/abort.ts'
import { chmod, readFile } from 'node:fs/promises'
import { messageOf, withUndo } from '#lib/undo.ts'
import { type GuestDefinition, SpawnFailed } from '#virt/port.ts'
import { buildArguments, type LaunchPlan } from './arguments.ts'
import type { GuestRecord } from './guest-store.ts'
import { hardwareOf } from './hardware.ts'
import { adopt, type Host } from './host.ts'
import { checkVifs } from './nics.ts'
import { endProcess, identify, launch, type Launched } from './process.ts'
import type { Monitor } from './qmp/monitor.ts'
import type { RunningGuest } from './running.ts'
import { tapNames } from './taps.ts'

const WORDS = 500
const END_GRACE_MS = 3_000

async function accelOf(host: Host): Promise<Pick<LaunchPlan, 'accel' | 'sandbox' | 'productVersion'>> {
  const { virtType, tbSizeMb } = host.options
  const abilities = await host.abilities()
  if (virtType === 'kvm' && !abilities.kvm)
    throw new SpawnFailed('No guest starts under KVM on this host, and virt_type asks for it')
  const kvm = virtType !== 'qemu' && abilities.kvm
  return {
    accel: kvm ? { kind: 'kvm' } : { kind: 'tcg', tbSizeMb },
    sandbox: abilities.sandbox,
    productVersion: abilities.version,
  }
}

async function planFor(host: Host, guest: GuestDefinition, record: GuestRecord): Promise<LaunchPlan> {
  return {
    ...(await accelOf(host)),
    ...hardwareOf(guest, host.options.machineType),
    uuid: guest.uuid,
    name: guest.name,
    vcpus: guest.flavor.vcpus,
    memoryMb: guest.flavor.memoryMb,
    diskBus: record.diskBus,
    disks: record.rescue?.disks ?? record.disks,
    vifs: guest.vifs,
    paths: host.store.paths(guest.uuid),
  }
}

/** QEMU ended before it ran, or does not answer: with its last words as the cause. */
async function startFailure(process: Launched, logPath: string, error: unknown): Promise<Error> {
  const isGone = (await identify(process.pid)) === undefined
  const what = isGone ? `QEMU ended while starting (${await process.ended})` : 'QEMU does not answer'
  const words = (await readFile(logPath, 'utf8').catch(() => '')).trim().slice(-WORDS)
  return new SpawnFailed(what, {
    cause: new Error(words === '' ? messageOf(error) : words, { cause: error }),
  })
}

async function chmodSockets(host: Host, uuid: string, guestAgent: boolean): Promise<void> {
  const { qmpSocket, vncSocket, serialSocket, agentSocket } = host.store.paths(uuid)
  const sockets = [qmpSocket, vncSocket, serialSocket, ...(guestAgent ? [agentSocket] : [])]
  for (const path of sockets) await chmod(path, 0o600)
}

/** How a QEMU is started, and what then makes its vCPUs run. */
interface Start {
  readonly args: readonly string[]
  readonly guestAgent: boolean
  run(monitor: Monitor): Promise<void>
}

/** Starts a QEMU for a guest and waits until its vCPUs run. */
export async function startProcess(
  host: Host,
  guest: GuestDefinition,
  record: GuestRecord,
  { args, guestAgent, run }: Start,
  signal: AbortSignal,
): Promise<RunningGuest> {
  const { store, taps, tools, clock, options } = host
  checkVifs(guest.vifs)
  return withUndo(async (undo) => {
    const binary = await tools.find(options.qemuBinary)
    // Written before they are made, so that a crash leaves none that nobody knows of.
    await store.save({ ...record, taps: tapNames(guest.vifs) })
    undo(() => taps.unplug(tapNames(guest.vifs)))
    await taps.plug(guest.vifs)
    await store.prepareSockets(guest.uuid)
    signal.throwIfAborted()

    const logPath = store.paths(guest.uuid).qemuLog
    const process = await launch(binary, args, logPath)
    const identity = await identify(process.pid)
    if (!identity) throw await startFailure(process, logPath, new Error('the process has ended'))
    const running = adopt(host, guest.uuid, identity)
    undo(async () => {
      running.expectEnd()
      await endProcess(identity, END_GRACE_MS, clock)
      await running.gone
    })
    try {
      const monitor = await unlessAborted(signal, running.monitor())
      await chmodSockets(host, guest.uuid, guestAgent)
      await run(monitor)
    } catch (error) {
      throw signal.aborted ? error : await startFailure(process, logPath, error)
    }
    return running
  })
}

/** Starts the guest from its disks and waits until its vCPUs run. */
export async function startGuest(
  host: Host,
  guest: GuestDefinition,
  record: GuestRecord,
  signal: AbortSignal,
): Promise<RunningGuest> {
  checkVifs(guest.vifs)
  const plan = await planFor(host, guest, record)
  const start: Start = {
    args: buildArguments(plan),
    guestAgent: plan.guestAgent,
    run: (monitor) => monitor.cont(),
  }
  return startProcess(host, guest, record, start, signal)
}
