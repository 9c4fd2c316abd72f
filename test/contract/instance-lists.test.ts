/** Lists of instances against a naive filter and sort in memory: random rows, filters, sorts and pages. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  INSTANCE_SORT_KEYS,
  type InstanceFilters,
  type InstanceSortKey,
  insertInstances,
  listInstances,
  type NewInstance,
  removeInstance,
} from '#db/instances.ts'
import type { Instance, TaskState, VmState } from '#model/instance/index.ts'
import { openStores } from './db.ts'
import { newInstance, vifWith } from './fixtures.ts'

const stores = await openStores()

const VMS: VmState[] = ['active', 'stopped', 'error', 'soft-delete']
const TASKS: (TaskState | null)[] = [null, 'rebooting', 'deleting']
const TAGS = ['red', 'green', 'blue']
const NAMES = ['a', 'B', 'b', 'é', '~', '😀', 'ﬀ']
const HOSTS = [null, 'h1', 'h2']

const sampled = <T>(values: readonly T[]) => fc.constantFrom(...values)

/** What is stored: some of it deleted later, in waves of the same age. */
const row = fc.record({
  displayName: sampled(NAMES),
  displayDescription: sampled([null, '', 'x']),
  vmState: sampled(VMS),
  taskState: sampled(TASKS),
  host: sampled(HOSTS),
  userId: sampled(['u1', 'u2']),
  launchedAt: sampled([null, 5, 6]),
  locked: fc.boolean(),
  tags: fc.subarray(TAGS),
  metadata: sampled([{}, { k: '1' }, { k: '2', l: '1' }]),
  address: sampled(['10.0.0.1', '10.0.0.12', '192.168.0.1']),
  age: fc.nat(3),
  isDeleted: fc.boolean(),
})

const FILTERS = [
  'userId',
  'host',
  'locked',
  'vmStates',
  'taskStates',
  'tags',
  'tagsAny',
  'notTags',
  'notTagsAny',
  'metadata',
  'changesSince',
  'changesBefore',
  'patterns',
  'ip',
  'softDeleted',
] as const

const everyFilter = fc.record({
  userId: sampled(['u1', 'u2', 'u3']),
  host: sampled(['h1', 'h2']),
  locked: fc.boolean(),
  vmStates: fc.subarray(VMS),
  taskStates: fc.subarray(TASKS),
  tags: fc.subarray(TAGS),
  tagsAny: fc.subarray(TAGS),
  notTags: fc.subarray(TAGS),
  notTagsAny: fc.subarray(TAGS),
  metadata: sampled([{}, { k: '2' }, { k: '2', l: '1' }, { l: '2' }]),
  changesSince: fc.integer({ min: 0, max: 12 }),
  changesBefore: fc.integer({ min: 0, max: 12 }),
  patterns: sampled([{ display_name: '^[ab]$' }, { display_name: 'b|é', display_description: '^$' }]),
  ip: sampled(['10\\.0\\.0\\.1$', '10.', '0', '172.16.0.1$']),
  softDeleted: fc.boolean(),
})

/** One or two filters at once: more and nothing is left to find. */
const filters: fc.Arbitrary<InstanceFilters> = fc
  .record({
    all: everyFilter,
    chosen: fc.subarray([...FILTERS], { maxLength: 2 }),
    deleted: sampled([true, false, 'any', 'any'] as const),
  })
  .map(({ all, chosen, deleted }) => ({
    deleted,
    ...Object.fromEntries(chosen.map((key) => [key, all[key]])),
  }))

/** Keys whose values differ in the rows, those that may be null twice as often. */
const VARIED: readonly InstanceSortKey[] = [
  'task_state',
  'task_state',
  'host',
  'host',
  'launched_at',
  'launched_at',
  'display_description',
  'display_description',
  'display_name',
  'display_name',
  'vm_state',
  'locked',
  'created_at',
]

const sort = fc.uniqueArray(
  fc.record({
    key: fc.oneof(
      { weight: 4, arbitrary: sampled(VARIED) },
      { weight: 1, arbitrary: sampled(INSTANCE_SORT_KEYS) },
    ),
    direction: sampled(['asc', 'desc'] as const),
  }),
  { maxLength: 3, selector: ({ key }) => key },
)

for (const { name, db } of stores) {
  test(`${name}: pages of any list are the naive list cut in pieces`, async () => {
    const property = fc.asyncProperty(
      fc.array(row, { minLength: 10, maxLength: 40, size: 'max' }),
      fc.array(fc.tuple(filters, sort, fc.integer({ min: 1, max: 7 })), { minLength: 12, maxLength: 12 }),
      async (rows, lists) => {
        const projectId = randomUUID()
        const all = await store(projectId, rows)
        assert.equal(all.length, rows.length)
        for (const [filters, sort, limit] of lists) {
          const expected = all.filter(passes(filters)).sort(inOrder(sort))
          const found = await inPages({ ...filters, projectId }, sort, limit)
          assert.deepEqual(found.map(brief), expected.map(brief))
        }
      },
    )
    await fc.assert(property, { numRuns: 15 })
  })

  const store = async (projectId: string, rows: readonly Sample[]): Promise<Instance[]> => {
    for (let age = 0; age <= 3; age++) {
      const wave = rows.filter((sample) => sample.age === age).map((sample) => toNew(projectId, sample))
      await insertInstances(
        db,
        wave.map(({ instance }) => instance),
        { now: age },
      )
      for (const { instance, isDeleted } of wave)
        if (isDeleted) await removeInstance(db, instance.uuid, { now: 10 + age })
    }
    return listInstances(db, { projectId, deleted: 'any' })
  }

  const inPages = async (filters: InstanceFilters, sort: Sort, limit: number): Promise<Instance[]> => {
    const found: Instance[] = []
    for (;;) {
      const marker = found.at(-1)?.uuid
      const page = await listInstances(db, filters, { sort, limit, ...(marker !== undefined && { marker }) })
      assert.ok(page.length <= limit)
      found.push(...page)
      if (page.length < limit) return found
    }
  }

  test(`${name}: a marker that is no instance is a bad request`, async () => {
    const unknown = listInstances(db, {}, { marker: 'nobody' })
    await assert.rejects(unknown, { kind: 'badRequest', message: 'marker [nobody] not found' })
  })

  test(`${name}: a pattern that cannot be read is a bad request, and an evil one does no harm`, async () => {
    const projectId = randomUUID()
    await insertInstances(db, [newInstance({ projectId, displayName: `${'a'.repeat(60)}!` })], { now: 1 })
    for (const display_name of ['(', '[', '*', 'a{2,1}']) {
      await assert.rejects(listInstances(db, { projectId, patterns: { display_name } }), {
        kind: 'badRequest',
      })
    }
    const started = performance.now()
    assert.deepEqual(await listInstances(db, { projectId, patterns: { display_name: '^(a+)+$' } }), [])
    assert.ok(performance.now() - started < 1000)
  })

  test(`${name}: text that no database can hold is a bad request`, async () => {
    await assert.rejects(listInstances(db, { patterns: { display_name: 'a\0b' } }), { kind: 'badRequest' })
    await assert.rejects(listInstances(db, { userId: 'a\0b' }), { kind: 'badRequest' })
  })
}

type Sample = typeof row extends fc.Arbitrary<infer T> ? T : never
type Sort = readonly { key: InstanceSortKey; direction: 'asc' | 'desc' }[]

function toNew(projectId: string, sample: Sample) {
  const {
    displayName,
    displayDescription,
    vmState,
    taskState,
    host,
    userId,
    launchedAt,
    locked,
    tags,
    metadata,
  } = sample
  const fields = {
    displayName,
    displayDescription,
    vmState,
    taskState,
    host,
    userId,
    launchedAt,
    locked,
    tags,
    metadata,
  }
  const instance: NewInstance = newInstance({
    projectId,
    ...fields,
    networkInfo: [vifWith(sample.address), vifWith('172.16.0.1')],
  })
  return { instance, isDeleted: sample.isDeleted }
}

const brief = ({ id, displayName, vmState, createdAt }: Instance) =>
  `${id} ${displayName} ${vmState} ${createdAt}`

/** The filters as the API's reference tells them, with no thought of speed. */
const passes = (filters: InstanceFilters) => (instance: Instance) => {
  const { vmState, tags, metadata } = instance
  const { vmStates, taskStates, deleted = false, softDeleted = false } = filters
  const changedAt = instance.updatedAt ?? instance.createdAt
  const addresses = instance.networkInfo.flatMap((vif) => vif.fixedIps.map((ip) => ip.address))
  const has = (tag: string) => tags.includes(tag)
  const pattern = (text: string | null, pattern?: string) =>
    pattern === undefined || (text !== null && new RegExp(pattern, 'm').test(text))
  const unless = <T>(value: T | undefined, holds: (value: T) => boolean) =>
    value === undefined || holds(value)
  return (
    unless(filters.userId, (userId) => instance.userId === userId) &&
    unless(filters.host, (host) => instance.host === host) &&
    unless(filters.locked, (locked) => instance.locked === locked) &&
    unless(vmStates, (states) => states.includes(vmState)) &&
    unless(taskStates, (states) => states.includes(instance.taskState)) &&
    unless(filters.tags, (wanted) => wanted.every(has)) &&
    unless(filters.tagsAny, (wanted) => wanted.length === 0 || wanted.some(has)) &&
    unless(filters.notTags, (unwanted) => unwanted.length === 0 || !unwanted.every(has)) &&
    unless(filters.notTagsAny, (unwanted) => !unwanted.some(has)) &&
    unless(filters.metadata, (pairs) =>
      Object.entries(pairs).every(([key, value]) => metadata[key] === value),
    ) &&
    unless(filters.changesSince, (since) => changedAt >= since) &&
    unless(filters.changesBefore, (before) => changedAt <= before) &&
    pattern(instance.displayName, filters.patterns?.display_name) &&
    pattern(instance.displayDescription, filters.patterns?.display_description) &&
    unless(filters.ip, (ip) => addresses.some((address) => pattern(address, `^(?:${ip})`))) &&
    (deleted === 'any' ||
      (deleted
        ? instance.deleted || vmState === 'soft-delete'
        : !instance.deleted && (softDeleted || vmState !== 'soft-delete')))
  )
}

/** Nulls first, text by its bytes, and what is alike by number, as the last key goes. */
const inOrder = (sort: Sort) => (a: Instance, b: Instance) => {
  const keys = sort.length > 0 ? sort : [{ key: 'created_at' as const, direction: 'desc' as const }]
  for (const { key, direction } of keys) {
    const order = compare(sortValue(a, key), sortValue(b, key))
    if (order !== 0) return direction === 'asc' ? order : -order
  }
  return keys.at(-1)?.direction === 'asc' ? a.id - b.id : b.id - a.id
}

function sortValue(instance: Instance, key: InstanceSortKey): unknown {
  if (key === 'instance_type_id') return instance.flavor.id
  const field = key.replaceAll(
    /_(v4|v6|[a-z])/g,
    (_, letter: string) => letter[0]?.toUpperCase() + letter.slice(1),
  )
  assert.ok(field in instance, `${key} is a field of an instance: ${field}`)
  return instance[field as keyof Instance]
}

function compare(a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null)
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return Number(a) - Number(b)
}
