/** What every process tells of itself: its CPU, memory and event loop, its connections to database and broker. */
import { performance } from 'node:perf_hooks'
import type { Database } from '#db/kit/index.ts'
import {
  createMetrics,
  type Family,
  type Metrics,
  METRICS_CONTENT_TYPE,
  type Reading,
  renderMetrics,
} from '#lib/metrics.ts'
import { messageOf } from '#lib/undo.ts'
import type { Mount } from '../up/front-door.ts'

const MS = 1_000
const MICROSECONDS = 1_000_000

const one = (value: number): readonly Reading[] => [{ labels: [], value }]

/** The metrics of this process, with those that Prometheus' own clients call the same. */
export function createProcessMetrics(): Metrics {
  const metrics = createMetrics()
  const { gauge, total } = metrics
  total('process_cpu_seconds_total', 'CPU time spent.', [], () => {
    const { user, system } = process.cpuUsage()
    return one((user + system) / MICROSECONDS)
  })
  gauge('process_resident_memory_bytes', 'Resident memory.', [], () => one(process.memoryUsage.rss()))
  gauge('process_start_time_seconds', 'When the process started, since the epoch.', [], () =>
    one(performance.timeOrigin / MS),
  )
  gauge('nodejs_heap_size_used_bytes', 'Heap in use.', [], () => one(process.memoryUsage().heapUsed))
  total('nodejs_eventloop_active_seconds_total', 'Time in which the event loop had work.', [], () =>
    one(performance.eventLoopUtilization().active / MS),
  )
  return metrics
}

export function measureBus(metrics: Metrics, bus: { isConnected(): boolean }): void {
  metrics.gauge('kilonova_bus_connected', 'Whether the broker is connected: 1 or 0.', [], () =>
    one(bus.isConnected() ? 1 : 0),
  )
}

/** The pool of connections, of databases that have one. */
export function measureDatabase(metrics: Metrics, db: Pick<Database, 'pool'>): void {
  const help = 'Connections to the database: open, idle, allowed; and queries that wait for one.'
  metrics.gauge('kilonova_database_connections', help, ['state'], () =>
    Object.entries(db.pool() ?? {}).map(([state, value]) => ({ labels: [state], value })),
  )
}

/** How much Placement holds in memory. */
export function measurePlacement(
  metrics: Metrics,
  placement: { sizes(): Readonly<Record<string, number>> },
): void {
  metrics.gauge('kilonova_placement_engine', 'What Placement holds in memory, by kind.', ['what'], () =>
    Object.entries(placement.sizes()).map(([what, value]) => ({ labels: [what], value })),
  )
}

/** `/metrics`, as Prometheus reads it. `gather` yields what is told: this process' families where nothing else is said. */
export const metricsMount = (
  metrics: Metrics,
  gather: () => Promise<readonly Family[]> = async () => metrics.families(),
): Mount => ({
  prefix: '/metrics',
  app: {
    routing: (_request, response) =>
      void gather().then(
        (families) =>
          response
            .writeHead(200, { 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store' })
            .end(renderMetrics(families)),
        (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(messageOf(error)),
      ),
  },
})
