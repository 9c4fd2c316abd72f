/** The monitor: one guest's QMP connection over its unix socket, and its events by name. */
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Clock } from '#lib/clock.ts'
import { DeadlinePassed } from '../deadline.ts'
import { commandsOf, type QmpCommands } from './commands.ts'
import { type DeviceCommands, deviceCommandsOf, type DeviceEvent, deviceEventOf } from './device-commands.ts'
import { openQmp, type QmpEvent } from './protocol.ts'

/** What the vCPUs do of themselves: the guest stopped (an I/O error), went on, or powered off. */
export type GuestSignal = 'stopped' | 'resumed' | 'shutdown'

export interface Monitor extends QmpCommands, DeviceCommands {
  /** Hands on what the guest does from now on. */
  onSignal(listener: (signal: GuestSignal) => void): void
  /** Hands on what becomes of devices, until the function that it gives is called. */
  onDevice(listener: (event: DeviceEvent) => void): () => void
  readonly closed: Promise<void>
  close(): void
}

const SIGNALS: Readonly<Record<string, GuestSignal>> = {
  STOP: 'stopped',
  RESUME: 'resumed',
  SHUTDOWN: 'shutdown',
}
const RETRY_MS = 5

async function dial(path: string): Promise<Socket> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Dials until QEMU listens; gives up at the deadline, or at once when `alive` says that nobody will. */
async function dialUntil(
  path: string,
  clock: Clock,
  deadline: number,
  alive: () => Promise<boolean>,
): Promise<Socket> {
  for (;;) {
    try {
      return await dial(path)
    } catch (error) {
      if (!(await alive())) throw new Error('QEMU has ended', { cause: error })
      if (clock.now() > deadline)
        throw new DeadlinePassed('QEMU does not listen on its monitor socket', { cause: error })
    }
    await clock.sleep(RETRY_MS)
  }
}

/** Connects to the monitor socket at `path` within `timeoutMs`. */
export async function openMonitor(
  path: string,
  options: { clock: Clock; timeoutMs: number; alive: () => Promise<boolean> },
): Promise<Monitor> {
  const { clock, timeoutMs, alive } = options
  const listeners: ((signal: GuestSignal) => void)[] = []
  const deviceListeners = new Set<(event: DeviceEvent) => void>()
  const socket = await dialUntil(path, clock, clock.now() + timeoutMs, alive)
  const onEvent = (event: QmpEvent) => {
    const signal = SIGNALS[event.name]
    if (signal) for (const listener of listeners) listener(signal)
    const deviceEvent = deviceEventOf(event.name, event.data)
    if (deviceEvent) for (const listener of deviceListeners) listener(deviceEvent)
  }
  const connection = await openQmp(socket, { clock, timeoutMs, onEvent })
  return {
    ...commandsOf(connection),
    ...deviceCommandsOf(connection),
    onSignal: (listener) => void listeners.push(listener),
    onDevice(listener) {
      deviceListeners.add(listener)
      return () => void deviceListeners.delete(listener)
    },
    closed: connection.closed,
    close: connection.close,
  }
}
