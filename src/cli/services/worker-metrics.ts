/**
 * Workers share a port, so whoever scrapes meets any of them: that one asks, through their parent, what the others
 * counted, and tells it all. One that does not answer in time is left out.
 */
import cluster from 'node:cluster'
import { type Family, mergeFamilies, type Metrics } from '#lib/metrics.ts'

/** What is sent between parent and workers; `id` tells questions apart. */
type Word =
  | { readonly metrics: 'gather' | 'tell'; readonly id: string }
  | { readonly metrics: 'told'; readonly id: string; readonly families: readonly Family[] }
  | { readonly metrics: 'gathered'; readonly id: string; readonly families: readonly Family[] }

const isWord = (message: unknown): message is Word =>
  typeof message === 'object' && message !== null && 'metrics' in message && 'id' in message

/** How long the parent waits for its workers, and a worker for its parent. */
const TELL_MS = 1_000
const GATHER_MS = 2_000

/** In a worker: what all of them counted. Undefined in a process that is alone. */
export function familiesOfWorkers(metrics: Metrics): (() => Promise<readonly Family[]>) | undefined {
  const { worker } = cluster
  if (!worker) return undefined
  const open = new Map<string, (families: readonly Family[]) => void>()
  let asked = 0
  const say = (word: Word): void => void worker.send(word)
  worker.on('message', (message: unknown) => {
    if (!isWord(message)) return
    if (message.metrics === 'tell') say({ metrics: 'told', id: message.id, families: metrics.families() })
    if (message.metrics === 'gathered') open.get(message.id)?.(message.families)
  })
  return () =>
    new Promise((resolve, reject) => {
      const id = `${worker.id}-${++asked}`
      const over = (): void => {
        clearTimeout(timer)
        open.delete(id)
      }
      const timer = setTimeout(() => {
        over()
        reject(new Error('the parent process does not answer'))
      }, GATHER_MS)
      open.set(id, (families) => {
        over()
        resolve(families)
      })
      say({ metrics: 'gather', id })
    })
}

/** In the parent: asks every worker when one wants to know. Yields what ends it. */
export function gatherForWorkers(): () => void {
  const parts = new Map<string, Map<string, readonly Family[]>>()
  const workers = () => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  const finish = (asker: { send(word: Word): unknown; isConnected(): boolean }, id: string): void => {
    const told = parts.get(id)
    if (!told) return
    parts.delete(id)
    if (asker.isConnected()) asker.send({ metrics: 'gathered', id, families: mergeFamilies('worker', told) })
  }
  const waits = new Map<string, () => void>()
  const hear = (worker: NonNullable<typeof cluster.worker>, message: unknown): void => {
    if (!isWord(message)) return
    const { id } = message
    if (message.metrics === 'gather') {
      parts.set(id, new Map())
      const timer = setTimeout(() => waits.get(id)?.(), TELL_MS)
      waits.set(id, () => {
        clearTimeout(timer)
        waits.delete(id)
        finish(worker, id)
      })
      for (const each of workers()) each.send({ metrics: 'tell', id } satisfies Word)
    }
    if (message.metrics === 'told') {
      parts.get(id)?.set(String(worker.id), message.families)
      if (parts.get(id)?.size === workers().length) waits.get(id)?.()
    }
  }
  cluster.on('message', hear)
  return () => void cluster.off('message', hear)
}
