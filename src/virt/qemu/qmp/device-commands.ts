/** The QMP commands by which devices come and go, as named methods. */
import { type QmpConnection, QmpError } from './protocol.ts'

/** A device's driver, id and properties; undefined ones are left out. */
export interface PluggedDevice {
  readonly driver: string
  readonly id: string
  readonly [property: string]: string | number | undefined
}

/** A device that has an id, with the driver that it is of. */
export interface NamedDevice {
  readonly id: string
  readonly driver: string
}

/** What became of a device that was asked to leave: it is gone, or the guest keeps it. */
export type DeviceEvent = { readonly id: string; readonly kind: 'deleted' | 'kept' }

export interface DeviceCommands {
  /** All devices that have an id. */
  devices(): Promise<readonly NamedDevice[]>
  /** A property of a device that has an id, as text. */
  deviceProperty(id: string, property: string): Promise<string>
  /** The names of all block devices that have one. */
  blockNodes(): Promise<readonly string[]>
  addBlockNode(node: Readonly<Record<string, unknown>>): Promise<void>
  /** Nothing there is success. */
  removeBlockNode(name: string): Promise<void>
  addNetdev(netdev: Readonly<Record<string, unknown>>): Promise<void>
  /** Nothing there is success. */
  removeNetdev(id: string): Promise<void>
  addDevice(device: PluggedDevice): Promise<void>
  /** Asks the guest to let go of the device, which takes its time; asking while it is being asked is success. */
  askOut(id: string): Promise<void>
}

const PERIPHERAL = '/machine/peripheral'
const CHILD = /^child<(.*)>$/

const says = (error: unknown, pattern: RegExp): boolean =>
  error instanceof QmpError && (pattern.test(error.errorClass) || pattern.test(error.message))

/** What QEMU says of a device that was asked to leave, if this event is that. */
export function deviceEventOf(
  name: string,
  data: Readonly<Record<string, unknown>>,
): DeviceEvent | undefined {
  const { device: id } = data
  if (typeof id !== 'string') return undefined
  if (name === 'DEVICE_DELETED') return { id, kind: 'deleted' }
  return name === 'DEVICE_UNPLUG_GUEST_ERROR' ? { id, kind: 'kept' } : undefined
}

export function deviceCommandsOf(connection: QmpConnection): DeviceCommands {
  return {
    async devices() {
      const found = (await connection.execute('qom-list', { path: PERIPHERAL })) as readonly {
        readonly name: string
        readonly type: string
      }[]
      return found.flatMap(({ name: id, type }) => {
        const driver = CHILD.exec(type)?.[1]
        return driver === undefined ? [] : [{ id, driver }]
      })
    },
    async deviceProperty(id, property) {
      return String(await connection.execute('qom-get', { path: `${PERIPHERAL}/${id}`, property }))
    },
    async blockNodes() {
      const nodes = (await connection.execute('query-named-block-nodes', { flat: true })) as readonly {
        readonly 'node-name'?: string
      }[]
      return nodes.flatMap((node) => node['node-name'] ?? [])
    },
    async addBlockNode(node) {
      await connection.execute('blockdev-add', node)
    },
    async removeBlockNode(name) {
      try {
        await connection.execute('blockdev-del', { 'node-name': name })
      } catch (error) {
        if (!says(error, /Failed to find node/)) throw error
      }
    },
    async addNetdev(netdev) {
      await connection.execute('netdev_add', netdev)
    },
    async removeNetdev(id) {
      try {
        await connection.execute('netdev_del', { id })
      } catch (error) {
        if (!says(error, /not found/i)) throw error
      }
    },
    async addDevice(device) {
      await connection.execute('device_add', device)
    },
    async askOut(id) {
      try {
        await connection.execute('device_del', { id })
      } catch (error) {
        if (!says(error, /DeviceNotFound|already in the process of unplug/)) throw error
      }
    },
  }
}
