/** What a kind of resource is to the API: its attributes, its rules on create, update and delete, its view. */
import { badRequest, conflict, notFound } from '#lib/fault.ts'
import type { Clock } from '#lib/clock.ts'
import type { Ids } from '#lib/ids.ts'
import { type Attributes, type Input, textIn } from './attributes.ts'
import type { NeutronCaller } from './caller.ts'
import type { Documents, KindName } from './documents.ts'
import type { NetworkPlane } from './plane/port.ts'
import { findDoc, type NeutronDb, updateDoc } from './store.ts'

/** One transaction's work for one caller. */
export interface Work {
  readonly db: NeutronDb
  readonly caller: NeutronCaller
  readonly clock: Clock
  readonly ids: Ids
  /** Where the last address of a subnet was given: the next search starts after it. */
  readonly addressCursors: Map<string, bigint>
  /** Whether ports get a DHCP server and real devices. */
  readonly plane: Pick<NetworkPlane, 'vifType' | 'vifDetails' | 'serves'>
  /** What is seen of the port from outside changes: its server is told of when this is written. */
  touchPort(portId: string): void
  /** Refuses one more of a kind when the project's quota is used up. */
  checkQuota(kind: KindName, projectId: string): Promise<void>
}

export interface Kind<K extends KindName = KindName> {
  readonly kind: K
  /** The key of one and of many in bodies, and the path: `security-groups`. */
  readonly singular: string
  readonly plural: string
  readonly path: string
  readonly missing: (id: string) => { readonly type: string; readonly message: string }
  readonly attributes: Attributes
  create(work: Work, input: Input): Promise<Documents[K]>
  update(work: Work, current: Documents[K], changes: Input): Promise<Documents[K]>
  remove(work: Work, current: Documents[K]): Promise<void>
  /** The documents as they are shown, in a fixed number of queries. */
  view(db: NeutronDb, docs: readonly Documents[K][]): Promise<Record<string, unknown>[]>
  /** Which search column a filter of the list stands for. */
  readonly searchable?: Readonly<Record<string, 'parentIds' | 'linkIds'>>
}

/** A kind of any sort, for code that works on all alike. */
export type AnyKind = { readonly [K in KindName]: Kind<K> }[KindName]

/** ISO 8601 in seconds, as Neutron writes times. */
export const timestamp = (clock: Clock): string => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`

/** What every new document begins with. */
export function newDocument(work: Work, input: Input) {
  const now = timestamp(work.clock)
  return {
    id: work.ids.uuid(),
    project_id: ownerOfNew(work, input),
    name: textIn(input, 'name'),
    description: textIn(input, 'description'),
    tags: [],
    revision_number: 1,
    created_at: now,
    updated_at: now,
  }
}

/** The project a new resource is made for: only admins may name another one. */
export function ownerOfNew(work: Work, input: Input): string {
  const asked = input['project_id']
  if (typeof asked !== 'string' || asked === work.caller.projectId) return work.caller.projectId
  if (!work.caller.isAdmin)
    throw badRequest(
      "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges",
      { code: 'HTTPBadRequest' },
    )
  return asked
}

export const isOwner = (caller: NeutronCaller, doc: { readonly project_id: string }): boolean =>
  caller.isAdmin || (doc.project_id !== '' && doc.project_id === caller.projectId)

export const change = <K extends KindName>(
  work: Work,
  kind: K,
  current: Documents[K],
  changes: Partial<Documents[K]>,
): Promise<Documents[K]> => updateDoc(work.db, kind, current, changes, timestamp(work.clock))

/** A resource that must be there and be the caller's (or an admin calls). Throws the kind's 404. */
export async function getOwn<K extends KindName>(
  work: Work,
  kind: Kind<K>,
  id: string,
): Promise<Documents[K]> {
  const doc = await findDoc(work.db, kind.kind, id)
  if (!doc || !isOwner(work.caller, doc)) throw missing(kind, id)
  return doc
}

export function missing(kind: Pick<AnyKind, 'missing'>, id: string) {
  const { type, message } = kind.missing(id)
  return notFound(message, { code: type })
}

export const refuse = (type: string, message: string) => conflict(message, { code: type })
export const invalidInput = (message: string, type = 'InvalidInput') => badRequest(message, { code: type })
