/** Consoles: a browser's way to a guest's screen. */
export { createNoVncProxy, type NoVncProxy, type NoVncProxyDeps } from './novncproxy.ts'
