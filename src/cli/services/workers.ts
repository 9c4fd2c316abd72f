/** Several processes of one service behind one port: a worker that ends is replaced, until all are asked to stop. */
import cluster, { type Worker } from 'node:cluster'
import { basename } from 'node:path'
import { listenForStop } from '../up/stopping.ts'
import { createSupervisor } from './supervisor.ts'
import { gatherForWorkers } from './worker-metrics.ts'

const STOP = ['SIGINT', 'SIGTERM'] as const

/** Runs this very command in `count` workers; yields the exit code: a worker's own, where workers cannot start. */
export async function runWorkers(name: string, count: number): Promise<number> {
  const [, exec = '', ...args] = process.argv
  // A launcher of the service's own name has put that name before our arguments, and will again.
  cluster.setupPrimary({ exec, args: basename(exec, '.mjs') === name ? args.slice(1) : args })
  const stopping = listenForStop((line) => console.error(line), STOP)
  const supervisor = createSupervisor(process.env)
  const gone = new Map<Worker, Promise<void>>()
  let listening = 0
  let isStopping = false
  let refused: (code: number) => void = () => undefined
  const refusal = new Promise<number>((resolve) => {
    refused = resolve
  })
  const fork = (): void => {
    const worker = cluster.fork()
    let listened = false
    worker.once('listening', () => {
      listened = true
      listening += 1
      if (listening === count) void supervisor.ready(`${count} workers`)
    })
    const end = new Promise<void>((resolve) => {
      worker.once('exit', (code, signal) => {
        gone.delete(worker)
        resolve()
        if (isStopping) return
        // Its like would not start either.
        if (!listened) return refused(code || 1)
        console.error(
          `${name}: worker ${worker.process.pid} ended (${signal ?? code}); another one takes its place`,
        )
        fork()
      })
    })
    gone.set(worker, end)
  }
  const pass = (): void => {
    for (const worker of gone.keys()) worker.process.kill('SIGHUP')
  }
  process.on('SIGHUP', pass)
  const endGathering = gatherForWorkers()
  for (let index = 0; index < count; index += 1) fork()
  const code = await Promise.race([stopping.asked.then(() => 0), refusal])
  isStopping = true
  void supervisor.stopping()
  process.off('SIGHUP', pass)
  endGathering()
  for (const worker of gone.keys()) worker.process.kill('SIGTERM')
  await Promise.all(gone.values())
  stopping.dispose()
  return code
}
