/**
 * The page and the noVNC modules it imports, by name from a fixed list: no path of a request ever reaches the
 * file system, and nothing is ever redirected (CVE-2021-3654).
 */
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { notFound } from '#lib/fault.ts'
import type { HttpApp, HttpReply } from '#lib/http/index.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

const OWN = join(import.meta.dirname, 'page')
/** The page by the names that clients and dashboards know. */
const PAGES = ['vnc_auto.html', 'vnc_lite.html', 'vnc.html']

/** Every file served, by its path under the proxy: made at the first request, not at the start. */
function listFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const page of PAGES) files.set(page, join(OWN, 'console.html'))
  for (const name of ['console.js', 'console.css']) files.set(`page/${name}`, join(OWN, name))
  const novnc = join(dirname(fileURLToPath(import.meta.resolve('@novnc/novnc'))), '..')
  for (const folder of ['core', 'vendor'])
    for (const entry of readdirSync(join(novnc, folder), { recursive: true, withFileTypes: true }))
      if (entry.isFile() && entry.name.endsWith('.js')) {
        const path = join(entry.parentPath, entry.name)
        files.set(relative(novnc, path), path)
      }
  return files
}

/**
 * What the page may do: its own scripts and styles, its own socket, pictures the guest's screen is made of. Nothing is
 * said of who may frame it: dashboards show consoles in frames, from whatever origin they have, and nobody frames a
 * guest without a token for it, since the page has no cookie or other rights of its own.
 */
function contentPolicy(host: string | undefined): string {
  const sockets = host !== undefined && /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : ''
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

/** Adds the routes of the page. */
export function addPage(app: HttpApp): void {
  let files: ReadonlyMap<string, string> | undefined
  const send = async (name: string, host: string | undefined, reply: HttpReply): Promise<HttpReply> => {
    files ??= listFiles()
    const path = files.get(name)
    if (path === undefined) throw notFound('There is no such page.')
    return reply
      .headers({
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        'content-security-policy': contentPolicy(host),
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      })
      .send(await readFile(path))
  }
  app.get('/*', (request, reply) =>
    send((request.params as { '*': string })['*'], request.headers.host, reply),
  )
}
