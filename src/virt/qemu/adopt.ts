/** After a start: guests that run are found again, by what the processes themselves say; what a crash left half made is removed. */
import { adopt, type Host } from './host.ts'
import { isSuspended, removeMemory } from './memory.ts'
import { endProcess, findGuests } from './process.ts'

const END_GRACE_MS = 3_000

/** The guest's uuid, if this command line is of a QEMU of ours: its monitor listens where only we would put it. */
function ownerOf(host: Host, commandLine: readonly string[]): string | undefined {
  const uuid = commandLine[commandLine.indexOf('-uuid') + 1]
  if (uuid === undefined || !commandLine.includes('-mon') || !commandLine.includes('-uuid')) return undefined
  try {
    const { pidFile } = host.store.paths(uuid)
    return commandLine[commandLine.indexOf('-pidfile') + 1] === pidFile ? uuid : undefined
  } catch {
    // Not a uuid: some other program that has such an argument.
    return undefined
  }
}

export async function adoptRunning(host: Host): Promise<void> {
  const { store, log, clock } = host
  const processes = await findGuests((commandLine) => ownerOf(host, commandLine))
  for (const uuid of await store.list()) {
    const identity = processes.get(uuid)
    const record = await store.find(uuid)
    if (record && isSuspended(record)) {
      // Its memory was saved, and the process not yet ended; or not yet loaded whole.
      if (identity) await endProcess(identity, END_GRACE_MS, clock)
      await host.taps.unplug(record.taps)
      continue
    }
    await removeMemory(host, uuid)
    if (record && identity) {
      adopt(host, uuid, identity)
      log.info({ instance: uuid, pid: identity.pid }, 'found a running guest')
    } else if (!record) {
      if (identity) await endProcess(identity, END_GRACE_MS, clock)
      await store.remove(uuid)
      log.info({ instance: uuid }, 'removed what an unfinished start left')
    }
  }
}
