/** Actions that begin one operation and need to know nothing else: a row each. */
import { beginOperation, getServer } from '#api/instances/index.ts'
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import type { SagaName } from '#contracts/operations.ts'
import type { Operation } from '#model/instance/index.ts'
import * as spec from './guest.spec.ts'

/** Sagas that need no parameters. */
type PlainSaga = Extract<
  SagaName,
  | 'pause-server'
  | 'unpause-server'
  | 'suspend-server'
  | 'unsuspend-server'
  | 'unrescue-server'
  | 'dump-crash'
  | 'inject-network-info'
  | 'delete-server'
>

interface Row {
  readonly operation: ReturnType<typeof spec.bare> | typeof spec.triggerCrashDump
  readonly rule: string
  readonly asks: Operation
  readonly saga: PlainSaga
  /** Asked for twice it happens once. */
  readonly once?: boolean
  /** The word in the instance's actions, where it is not the action's own. */
  readonly action?: string | null
}

const ROWS: readonly Row[] = [
  { operation: spec.pause, rule: 'os-pause-server:pause', asks: 'pause', saga: 'pause-server' },
  { operation: spec.unpause, rule: 'os-pause-server:unpause', asks: 'unpause', saga: 'unpause-server' },
  { operation: spec.suspend, rule: 'os-suspend-server:suspend', asks: 'suspend', saga: 'suspend-server' },
  { operation: spec.resume, rule: 'os-suspend-server:resume', asks: 'resume', saga: 'unsuspend-server' },
  { operation: spec.unrescue, rule: 'os-unrescue', asks: 'unrescue', saga: 'unrescue-server' },
  {
    operation: spec.triggerCrashDump,
    rule: 'servers:trigger_crash_dump',
    asks: 'trigger_crash_dump',
    saga: 'dump-crash',
  },
  {
    operation: spec.injectNetworkInfo,
    rule: 'os-admin-actions:inject_network_info',
    asks: 'inject_network_info',
    saga: 'inject-network-info',
    action: null,
  },
  {
    operation: spec.forceDelete,
    rule: 'os-deferred-delete:force',
    asks: 'force_delete',
    saga: 'delete-server',
    once: true,
    action: 'delete',
  },
]

const route = (row: Row, services: Services): Route =>
  serve(row.operation as typeof spec.pause, async (call) => {
    const { operation, rule, asks, saga, once, action = operation.action ?? null } = row
    const instance = await getServer(call, services, `os_compute_api:${rule}`)
    // An instance that no host has has nothing to inject into.
    if (saga === 'inject-network-info' && instance.host === null) return {}
    const begin = { instance, operations: [asks] as const, action, saga, params: {} }
    await beginOperation(call, services, { ...begin, ...(once === true && { once }) })
    return {}
  })

export const guestActionRoutes = (services: Services): readonly Route[] =>
  ROWS.map((row) => route(row, services))
