/** The QEMU driver's door. */
export { createQemuDriver, type QemuDriver } from './driver.ts'
export type { QemuOptions } from './host.ts'
