/** Consoles: a browser's way to a guest's screen. */
export { createNoVncProxy } from './novncproxy.ts'
