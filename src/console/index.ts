/** Consoles: a browser's way to a guest's screen. */
export { createNoVncProxy, type NoVncProxy } from './novncproxy.ts'
