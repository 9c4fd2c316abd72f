/** What a new cloud gets at its first start, asked for over its own HTTP APIs as any operator would. */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import type { HttpAnswer, HttpClient } from '#lib/http/index.ts'
import type { ServiceSession } from '#neighbours/identity/index.ts'
import type { TinyImage } from './tiny-image.ts'

const UPLOAD_MS = 600_000

/** Id, name, vCPUs, MB of memory, GB of root disk: the flavors DevStack makes, with its ids. */
export const FLAVORS = [
  ['42', 'm1.nano', 1, 128, 1],
  ['84', 'm1.micro', 1, 256, 1],
  ['1', 'm1.tiny', 1, 512, 1],
  ['2', 'm1.small', 1, 2_048, 20],
  ['3', 'm1.medium', 2, 4_096, 40],
  ['4', 'm1.large', 4, 8_192, 80],
  ['5', 'm1.xlarge', 8, 16_384, 160],
] as const

/** The content of `tiny` where it cannot be built: simulated guests boot anything. */
const STAND_IN = Buffer.alloc(512, 'A stand-in for the image tiny: no operating system. ')

export interface Operator {
  readonly http: HttpClient
  readonly session: ServiceSession
}

async function send(
  { http, session }: Operator,
  method: string,
  url: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const headers = await session.headers()
  const answer = await http.send({ method, url, headers, ...(body !== undefined && { json: body }) })
  return contentOf(answer, `${method} ${url}`)
}

function contentOf(answer: HttpAnswer, what: string): Record<string, unknown> {
  if (answer.status >= 300) throw new Error(`${what}: ${answer.status} ${answer.text.slice(0, 500)}`)
  return (answer.json ?? {}) as Record<string, unknown>
}

/** Project ids by name. */
export async function projectIds(
  operator: Operator,
  identityUrl: string,
): Promise<ReadonlyMap<string, string>> {
  const { projects } = await send(operator, 'GET', `${identityUrl}/v3/projects`)
  return new Map((projects as { name: string; id: string }[]).map(({ name, id }) => [name, id]))
}

/** Makes the flavors that are not there. */
export async function makeFlavors(operator: Operator, computeUrl: string): Promise<void> {
  const { flavors } = await send(operator, 'GET', `${computeUrl}/flavors`)
  const there = new Set((flavors as { name: string }[]).map(({ name }) => name))
  for (const [id, name, vcpus, ram, disk] of FLAVORS) {
    if (there.has(name)) continue
    await send(operator, 'POST', `${computeUrl}/flavors`, { flavor: { id, name, vcpus, ram, disk } })
  }
}

/** Uploads the image `tiny` in place of any earlier one of that name; undefined makes a stand-in of a few bytes. */
export async function uploadTiny(
  operator: Operator,
  imageUrl: string,
  image: TinyImage | undefined,
): Promise<void> {
  const { images } = await send(operator, 'GET', `${imageUrl}/v2/images?name=tiny&visibility=public`)
  for (const { id } of images as { id: string }[])
    await send(operator, 'DELETE', `${imageUrl}/v2/images/${id}`)
  const made = await send(operator, 'POST', `${imageUrl}/v2/images`, {
    name: 'tiny',
    disk_format: image ? 'qcow2' : 'raw',
    container_format: 'bare',
    visibility: 'public',
    min_ram: image ? 96 : 0,
    os_distro: image ? 'debian' : 'none',
    architecture: 'x86_64',
  })
  const body: Readable | Buffer = image ? createReadStream(image.path) : STAND_IN
  const headers = { ...(await operator.session.headers()), 'content-type': 'application/octet-stream' }
  const url = `${imageUrl}/v2/images/${String(made['id'])}/file`
  contentOf(
    await operator.http.send({ method: 'PUT', url, headers, body, timeoutMs: UPLOAD_MS }),
    `PUT ${url}`,
  )
}
