/** Taps: a guest's end of a bridged port. Made before QEMU starts, removed when the guest stops. */
import { writeFile } from 'node:fs/promises'
import type { Vif } from '#model/network/index.ts'
import { SpawnFailed } from '#virt/port.ts'
import { TAP_VIF_TYPES } from './nics.ts'
import { ToolFailed, type Tools } from './tools.ts'

export interface Taps {
  /** Makes the tap of each bridged port, plugs it into its bridge, and gives their names. There already is success. */
  plug(vifs: readonly Vif[]): Promise<readonly string[]>
  /** Removes taps. Nothing there is success. */
  unplug(names: readonly string[]): Promise<void>
}

/** Linux interface names; only taps are ever touched. */
const TAP_NAME = /^tap[A-Za-z0-9._-]{1,12}$/
const BRIDGE_NAME = /^[A-Za-z0-9._-]{1,15}$/

export const tapNames = (vifs: readonly Vif[]): string[] =>
  vifs.filter((vif) => TAP_VIF_TYPES.has(vif.type) && TAP_NAME.test(vif.devname)).map((vif) => vif.devname)

const says = (error: unknown, pattern: RegExp) => error instanceof ToolFailed && pattern.test(error.message)

export function createTaps(tools: Tools): Taps {
  const ip = (...args: string[]) => tools.run('ip', args)

  const make = async (name: string) => {
    try {
      await ip('tuntap', 'add', 'dev', name, 'mode', 'tap')
    } catch (error) {
      if (!says(error, /busy|exists/i)) throw error
    }
  }
  /** The host itself takes no part in the guest's network by the tap. */
  const quieten = (name: string) =>
    writeFile(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1').catch((error: NodeJS.ErrnoException) => {
      // No IPv6 in this kernel, or its settings are not ours to write (a container).
      if (error.code !== 'ENOENT' && error.code !== 'EROFS' && error.code !== 'EACCES') throw error
    })
  const plugOne = async (vif: Vif) => {
    const bridge = vif.details['bridge_name']
    if (!TAP_NAME.test(vif.devname)) throw new SpawnFailed(`'${vif.devname}' is no name for a tap`)
    if (typeof bridge !== 'string' || !BRIDGE_NAME.test(bridge))
      throw new SpawnFailed(`Port ${vif.id} names no bridge`)
    await make(vif.devname)
    await quieten(vif.devname)
    const mtu = vif.network.mtu === null ? [] : ['mtu', String(vif.network.mtu)]
    await ip('link', 'set', 'dev', vif.devname, ...mtu, 'master', bridge, 'up')
  }
  const unplug = async (names: readonly string[]) => {
    for (const name of names.filter((name) => TAP_NAME.test(name))) {
      try {
        await ip('link', 'delete', 'dev', name)
      } catch (error) {
        if (!says(error, /cannot find device/i)) throw error
      }
    }
  }
  return {
    unplug,
    async plug(vifs) {
      const plugged: string[] = []
      try {
        for (const vif of vifs.filter((vif) => TAP_VIF_TYPES.has(vif.type))) {
          plugged.push(vif.devname)
          await plugOne(vif)
        }
        return plugged
      } catch (error) {
        await unplug(plugged)
        throw error instanceof SpawnFailed
          ? error
          : new SpawnFailed('The network interface could not be plugged in', { cause: error })
      }
    },
  }
}
