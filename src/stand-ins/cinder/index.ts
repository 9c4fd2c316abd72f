/** The stand-in for Cinder: volumes as files, small but real. */
export { type Cinder, createCinder } from './cinder.ts'
