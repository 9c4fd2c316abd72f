/** Interfaces that come and go. A guest that does not run gets them when it is started: its ports are told each time. */
import { withUndo } from '#lib/undo.ts'
import type { Vif } from '#model/network/index.ts'
import type { GuestDefinition } from '#virt/port.ts'
import { hardwareOf } from './hardware.ts'
import { findRunning, type Host } from './host.ts'
import { checkVifs, netdevName, netdevOf, nicName, nicOf } from './nics.ts'
import { freePort } from './places.ts'
import type { Monitor } from './qmp/monitor.ts'
import { tapNames } from './taps.ts'
import { unplugDevice } from './unplug.ts'
import { requireFree } from './volumes.ts'

const NIC_NAME = /^nic([0-9]+)$/

/** The numbers of the guest's interfaces, with what each says of itself. */
async function nicsOf(monitor: Monitor): Promise<ReadonlyMap<number, string>> {
  const nics = new Map<number, string>()
  for (const { id } of await monitor.devices()) {
    const number = NIC_NAME.exec(id)?.[1]
    if (number !== undefined) nics.set(Number(number), await monitor.deviceProperty(id, 'mac'))
  }
  return nics
}

const numberOf = (nics: ReadonlyMap<number, string>, { macAddress }: Vif): number | undefined =>
  [...nics].find(([, mac]) => mac.toLowerCase() === macAddress.toLowerCase())?.[0]

function freeNumber(nics: ReadonlyMap<number, string>): number {
  let number = 0
  while (nics.has(number)) number += 1
  return number
}

/** The taps that are remembered, these among them or not: a crash leaves none that nobody knows of. */
async function rememberTaps(host: Host, uuid: string, change: (taps: Set<string>) => void): Promise<void> {
  const record = await host.store.find(uuid)
  if (!record) throw new Error(`Guest ${uuid} is not on this host`)
  requireFree(record)
  const taps = new Set(record.taps)
  change(taps)
  await host.store.save({ ...record, taps: [...taps] })
}

export async function attachInterface(host: Host, guest: GuestDefinition, vif: Vif): Promise<void> {
  checkVifs([vif])
  const { machineType } = host.options
  const { nicModel } = hardwareOf(guest, machineType)
  const running = await findRunning(host, guest.uuid)
  const names = tapNames([vif])
  await rememberTaps(host, guest.uuid, (taps) => {
    if (running) for (const name of names) taps.add(name)
  })
  if (!running) return
  const monitor = await running.monitor()
  const nics = await nicsOf(monitor)
  if (numberOf(nics, vif) !== undefined) return
  const number = freeNumber(nics)
  await withUndo(async (undo) => {
    await host.taps.plug([vif])
    undo(() => host.taps.unplug(names))
    // What an interface that went may have left.
    await monitor.removeNetdev(netdevName(number))
    undo(() => monitor.removeNetdev(netdevName(number)))
    await monitor.addNetdev(netdevOf(vif, netdevName(number)))
    await monitor.addDevice(nicOf(vif, nicModel, number, await freePort(monitor)))
  })
}

export async function detachInterface(
  host: Host,
  guest: GuestDefinition,
  vif: Vif,
  signal: AbortSignal,
): Promise<void> {
  const running = await findRunning(host, guest.uuid)
  const record = await host.store.find(guest.uuid)
  if (record) requireFree(record)
  if (running) {
    const monitor = await running.monitor()
    const number = numberOf(await nicsOf(monitor), vif)
    if (number !== undefined) await unplugDevice(host, running, nicName(number), signal)
    if (number !== undefined && (await findRunning(host, guest.uuid)))
      await (await running.monitor()).removeNetdev(netdevName(number))
  }
  const names = tapNames([vif])
  await host.taps.unplug(names)
  if (record)
    await rememberTaps(host, guest.uuid, (taps) => {
      for (const name of names) taps.delete(name)
    })
}
