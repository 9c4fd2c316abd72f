/** What the conductor's sagas work with, and the columns of their step tables. */
import type { Kysely, Transaction } from 'kysely'
import type { ClientOf } from '#contracts/contract.ts'
import type { computeContract } from '#contracts/compute.ts'
import type { schedulerContract } from '#contracts/scheduler.ts'
import type { NovaDb } from '#db/schema.ts'
import type { Clock } from '#lib/clock.ts'
import type { Hearing } from '#lib/hearing.ts'
import type { Ids } from '#lib/ids.ts'
import { type AnyStep, type Saga, saga, type SagaBuilder, type StepContext } from '#lib/saga/index.ts'
import type { TaskState, VmState } from '#model/instance/index.ts'
import type { RequestContext } from '#model/request-context.ts'
import type { Images } from '#neighbours/images/port.ts'
import type { Networks } from '#neighbours/networks/port.ts'
import type { PlacementClient } from '#neighbours/placement/port.ts'
import type { Volumes } from '#neighbours/volumes/port.ts'
import type { ConductorConfig } from './config.ts'

export type Trx = Transaction<NovaDb>
export type Db = Kysely<NovaDb> | Trx

export interface World {
  /** For reads outside of transactions. */
  readonly db: Kysely<NovaDb>
  readonly networks: Networks
  readonly images: Pick<Images, 'remove' | 'listByProperties'>
  readonly placement: PlacementClient
  readonly volumes: Volumes
  readonly scheduler: ClientOf<typeof schedulerContract>
  compute(host: string): ClientOf<typeof computeContract>
  readonly clock: Clock
  readonly ids: Ids
  readonly config: ConductorConfig
  /** Where it is cut off at times: the time by which a host's silence is judged. */
  readonly hearing?: Pick<Hearing, 'now'>
  /** Tells the runner that there may be something to do. */
  nudge(): void
}

export interface StepColumns {
  /** The instance's task state while the step runs, which may depend on the operation's parameters. */
  readonly taskState?: TaskState | ((params: unknown) => TaskState)
  /** Nova's name of the action's event; steps in a row with the same one are one event. */
  readonly event?: string
}

export interface SagaColumns {
  /** The instance's vm state when the saga failed; as it is when there is none. */
  readonly failedVmState?: VmState
  /** The task state in which the request itself left the instance: it is not written again as the saga begins. */
  readonly requested?: TaskState
  /** Delete wins: it alone may change an instance that is being deleted. */
  readonly deletes?: boolean
}

export interface ConductorTypes {
  readonly Context: RequestContext
  readonly World: World
  readonly Trx: Trx
  readonly StepColumns: StepColumns
  readonly SagaColumns: SagaColumns
}

export type ServerSaga = Saga<ConductorTypes>
export type ServerStep = AnyStep<ConductorTypes>
export type Ctx<Params, Outputs> = StepContext<Params, Outputs, ConductorTypes>

export const serverSaga = <Params>(
  name: string,
  columns: SagaColumns,
): SagaBuilder<Params, object, ConductorTypes> => saga<Params, ConductorTypes>(name, columns)
