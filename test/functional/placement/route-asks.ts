/** What is asked of each route of Placement in the table's test, at each version, and with each thing that it may carry. */
import { randomUUID } from 'node:crypto'
import { type Ask, claimBody, makeProvider } from '../../placement-fixture.ts'

/** What the asks are about; the reading ones share it. */
export interface Stage {
  readonly ask: Ask
  /** A host that has something, gives something, and is in a zone and a rack. */
  readonly host: string
  readonly zone: string
  readonly rack: string
  readonly consumer: string
}

/** Path (without the method) and body of one request. */
export type Asked = readonly [path: string, body?: unknown]

type Making = (stage: Stage, minor: number) => Promise<Asked> | Asked

const INVENTORY = { total: 8 }
const GENERATION = { resource_provider_generation: 0 }

export async function setStage(ask: Ask): Promise<Stage> {
  const [zone, rack, consumer] = [randomUUID(), randomUUID(), randomUUID()]
  const host = await makeProvider(
    ask,
    { VCPU: 8, DISK_GB: 10_000 },
    { traits: ['COMPUTE_NODE'], aggregates: [zone, rack] },
  )
  const claim = claimBody(host, { VCPU: 1 }, { project_id: 'staged' })
  await ask('PUT', `/allocations/${consumer}`, claim)
  return { ask, host, zone, rack, consumer }
}

const customName = (): string => `CUSTOM_${randomUUID().replaceAll('-', '_').toUpperCase()}`
const bare = async ({ ask }: Stage): Promise<string> => `/resource_providers/${await makeProvider(ask, {})}`
const small = async ({ ask }: Stage): Promise<string> =>
  `/resource_providers/${await makeProvider(ask, { VCPU: 8 })}`
const ofHost =
  (part: string): Making =>
  ({ host }) => [`/resource_providers/${host}${part}`]

async function newName({ ask }: Stage, noun: 'traits' | 'resource_classes'): Promise<string> {
  const name = customName()
  await ask('PUT', `/${noun}/${name}`)
  return name
}

async function newConsumer({ ask, host }: Stage): Promise<string> {
  const consumer = randomUUID()
  await ask('PUT', `/allocations/${consumer}`, claimBody(host, { VCPU: 1 }))
  await ask(
    'PUT',
    `/allocations/${consumer}`,
    claimBody(host, {}, { allocations: {}, consumer_generation: 1 }),
  )
  return consumer
}

const amounts = { resources: { DISK_GB: 1 } }
const byProvider = (host: string) => ({ [host]: amounts })
const asList = (host: string) => [{ resource_provider: { uuid: host }, ...amounts }]

/** What an allocation must carry beside its amounts. */
const besides = (minor: number): object => ({
  ...(minor >= 8 && { project_id: 'p', user_id: 'u' }),
  ...(minor >= 28 && { consumer_generation: null }),
  ...(minor >= 38 && { consumer_type: 'INSTANCE' }),
})

const allocation = (host: string, minor: number): object => ({
  allocations: minor >= 12 ? byProvider(host) : asList(host),
  ...besides(minor),
})

/** As it would be, but that some fields are set, or taken out. */
const putAllocation =
  (change: (body: Record<string, unknown>, stage: Stage) => object): Making =>
  (stage, minor) => [`/allocations/${randomUUID()}`, change({ ...allocation(stage.host, minor) }, stage)]

const postAllocations =
  (more: (stage: Stage) => object): Making =>
  (stage, minor) => ['/allocations', { [randomUUID()]: { ...allocation(stage.host, minor), ...more(stage) } }]

const reshape =
  (more: (stage: Stage) => object): Making =>
  async (stage, minor) => {
    const uuid = await makeProvider(stage.ask, {})
    const one = { resources: { VCPU: 1 } }
    return [
      '/reshaper',
      {
        inventories: { [uuid]: { inventories: { VCPU: INVENTORY }, ...GENERATION } },
        allocations: {
          [randomUUID()]: { allocations: { [uuid]: one }, ...besides(minor), ...more(stage) },
        },
      },
    ]
  }

/** The plain request of each route, which is to succeed. */
export const PLAIN: Readonly<Record<string, Making>> = {
  'GET /': () => ['/'],
  'GET /resource_classes': () => ['/resource_classes'],
  'POST /resource_classes': () => ['/resource_classes', { name: customName() }],
  'GET /resource_classes/{name}': () => ['/resource_classes/VCPU'],
  'PUT /resource_classes/{name}': async (stage, minor) =>
    minor < 7
      ? [`/resource_classes/${await newName(stage, 'resource_classes')}`, { name: customName() }]
      : [`/resource_classes/${customName()}`],
  'DELETE /resource_classes/{name}': async (stage) => [
    `/resource_classes/${await newName(stage, 'resource_classes')}`,
  ],
  'GET /resource_providers': ({ host }) => [`/resource_providers?uuid=${host}`],
  'POST /resource_providers': () => ['/resource_providers', { name: randomUUID() }],
  'GET /resource_providers/{uuid}': ofHost(''),
  'PUT /resource_providers/{uuid}': async (stage) => [await bare(stage), { name: randomUUID() }],
  'DELETE /resource_providers/{uuid}': async (stage) => [await bare(stage)],
  'GET /resource_providers/{uuid}/inventories': async (stage) => [`${await small(stage)}/inventories`],
  'POST /resource_providers/{uuid}/inventories': async (stage) => [
    `${await bare(stage)}/inventories`,
    { resource_class: 'VCPU', ...INVENTORY },
  ],
  'PUT /resource_providers/{uuid}/inventories': async (stage) => [
    `${await bare(stage)}/inventories`,
    { inventories: { VCPU: INVENTORY }, ...GENERATION },
  ],
  'DELETE /resource_providers/{uuid}/inventories': async (stage) => [`${await small(stage)}/inventories`],
  'GET /resource_providers/{uuid}/inventories/{resource_class}': ofHost('/inventories/VCPU'),
  'PUT /resource_providers/{uuid}/inventories/{resource_class}': async (stage) => [
    `${await small(stage)}/inventories/VCPU`,
    { ...INVENTORY, resource_provider_generation: 1 },
  ],
  'DELETE /resource_providers/{uuid}/inventories/{resource_class}': async (stage) => [
    `${await small(stage)}/inventories/VCPU`,
  ],
  'GET /resource_providers/{uuid}/usages': async (stage) => [`${await small(stage)}/usages`],
  'GET /resource_providers/{uuid}/aggregates': ofHost('/aggregates'),
  'PUT /resource_providers/{uuid}/aggregates': async (stage, minor) => [
    `${await bare(stage)}/aggregates`,
    minor < 19 ? [stage.zone] : { aggregates: [stage.zone], ...GENERATION },
  ],
  'GET /resource_providers/{uuid}/allocations': ofHost('/allocations'),
  'POST /allocations': postAllocations(() => ({})),
  'GET /allocations/{consumer_uuid}': ({ consumer }) => [`/allocations/${consumer}`],
  'PUT /allocations/{consumer_uuid}': putAllocation((body) => body),
  'DELETE /allocations/{consumer_uuid}': async ({ ask, host }) => {
    const consumer = randomUUID()
    await ask('PUT', `/allocations/${consumer}`, claimBody(host, { DISK_GB: 1 }))
    return [`/allocations/${consumer}`]
  },
  'GET /allocation_candidates': () => ['/allocation_candidates?resources=DISK_GB:1'],
  'GET /traits': () => ['/traits'],
  'GET /traits/{name}': () => ['/traits/COMPUTE_NODE'],
  'PUT /traits/{name}': () => [`/traits/${customName()}`],
  'DELETE /traits/{name}': async (stage) => [`/traits/${await newName(stage, 'traits')}`],
  'GET /resource_providers/{uuid}/traits': ofHost('/traits'),
  'PUT /resource_providers/{uuid}/traits': async (stage) => [
    `${await bare(stage)}/traits`,
    { traits: ['COMPUTE_NODE'], ...GENERATION },
  ],
  'DELETE /resource_providers/{uuid}/traits': async (stage) => [`${await bare(stage)}/traits`],
  'GET /usages': () => ['/usages?project_id=staged'],
  'POST /reshaper': reshape(() => ({})),
}

const listed =
  (query: (stage: Stage) => string): Making =>
  (stage) => [`/resource_providers?${query(stage)}`]
const candidates =
  (query: (stage: Stage) => string): Making =>
  (stage) => [`/allocation_candidates?${query(stage)}`]
const VCPU = 'resources=VCPU:1'
const ALL = { total: 8, reserved: 8 }

async function withParent(stage: Stage): Promise<string> {
  const parent = await makeProvider(stage.ask, {})
  return `/resource_providers/${await makeProvider(stage.ask, {}, { parent })}`
}

/** A request of each route with each thing that the table says it may carry. */
export const CARRYING: Readonly<Record<string, Readonly<Record<string, Making>>>> = {
  'GET /resource_providers': {
    name: listed(() => 'name=x'),
    member_of: listed(({ zone }) => `member_of=${zone}`),
    resources: listed(() => VCPU),
    in_tree: listed(({ host }) => `in_tree=${host}`),
    required: listed(() => 'required=COMPUTE_NODE'),
    'a forbidden trait': listed(() => 'required=!COMPUTE_NODE'),
    'member_of twice': listed(({ zone, rack }) => `member_of=${zone}&member_of=${rack}`),
    'a forbidden aggregate': listed(({ zone }) => `member_of=!${zone}`),
    'any of some traits': listed(() => 'required=in:COMPUTE_NODE,HW_CPU_X86_VMX'),
  },
  'POST /resource_providers': {
    'a parent': async ({ ask }) => [
      '/resource_providers',
      { name: randomUUID(), parent_provider_uuid: await makeProvider(ask, {}) },
    ],
  },
  'PUT /resource_providers/{uuid}': {
    'a first parent': async (stage) => [
      await bare(stage),
      { name: randomUUID(), parent_provider_uuid: await makeProvider(stage.ask, {}) },
    ],
    'another parent': async (stage) => [
      await withParent(stage),
      { name: randomUUID(), parent_provider_uuid: await makeProvider(stage.ask, {}) },
    ],
    'no parent any more': async (stage) => [
      await withParent(stage),
      { name: randomUUID(), parent_provider_uuid: null },
    ],
  },
  'POST /resource_providers/{uuid}/inventories': {
    'all of it reserved': async (stage) => [
      `${await bare(stage)}/inventories`,
      { resource_class: 'VCPU', ...ALL },
    ],
  },
  'PUT /resource_providers/{uuid}/inventories': {
    'all of it reserved': async (stage) => [
      `${await bare(stage)}/inventories`,
      { inventories: { VCPU: ALL }, ...GENERATION },
    ],
  },
  'PUT /resource_providers/{uuid}/inventories/{resource_class}': {
    'all of it reserved': async (stage) => [
      `${await small(stage)}/inventories/VCPU`,
      { ...ALL, resource_provider_generation: 1 },
    ],
  },
  'PUT /resource_providers/{uuid}/aggregates': {
    'a list': async (stage) => [`${await bare(stage)}/aggregates`, [stage.zone]],
    'a list with a generation': async (stage) => [
      `${await bare(stage)}/aggregates`,
      { aggregates: [stage.zone], ...GENERATION },
    ],
  },
  'POST /allocations': {
    'a consumer generation': postAllocations(() => ({ consumer_generation: null })),
    mappings: postAllocations(({ host }) => ({ mappings: { '': [host] } })),
    'a consumer type': postAllocations(() => ({ consumer_type: 'INSTANCE' })),
  },
  'PUT /allocations/{consumer_uuid}': {
    'a list of allocations': putAllocation((body, { host }) => ({ ...body, allocations: asList(host) })),
    'no owner': putAllocation(({ project_id: _project, user_id: _user, ...body }) => body),
    'an owner': putAllocation((body) => ({ ...body, project_id: 'p', user_id: 'u' })),
    'allocations by provider': putAllocation((body, { host }) => ({
      ...body,
      allocations: byProvider(host),
    })),
    'a consumer generation': putAllocation((body) => ({ ...body, consumer_generation: null })),
    'no allocations': async (stage, minor) => [
      `/allocations/${await newConsumer(stage)}`,
      { ...besides(minor), allocations: minor >= 12 ? {} : [] },
    ],
    mappings: putAllocation((body, { host }) => ({ ...body, mappings: { '': [host] } })),
    'a consumer type': putAllocation((body) => ({ ...body, consumer_type: 'INSTANCE' })),
  },
  'GET /allocation_candidates': {
    limit: candidates(() => `${VCPU}&limit=1`),
    required: candidates(() => `${VCPU}&required=COMPUTE_NODE`),
    member_of: candidates(({ zone }) => `${VCPU}&member_of=${zone}`),
    'a forbidden trait': candidates(() => `${VCPU}&required=!COMPUTE_NODE`),
    'member_of twice': candidates(({ zone, rack }) => `${VCPU}&member_of=${zone}&member_of=${rack}`),
    'numbered groups': candidates(() => `${VCPU}&resources1=DISK_GB:1`),
    group_policy: candidates(() => `${VCPU}&group_policy=none`),
    in_tree: candidates(({ host }) => `${VCPU}&in_tree=${host}`),
    'in_tree of a group': candidates(({ host }) => `resources1=VCPU:1&in_tree1=${host}`),
    'a forbidden aggregate': candidates(({ zone }) => `${VCPU}&member_of=!${zone}`),
    'named groups': candidates(() => 'resources_A-b=VCPU:1'),
    root_required: candidates(() => `${VCPU}&root_required=COMPUTE_NODE`),
    same_subtree: candidates(
      () => 'resources_A=VCPU:1&resources_B=DISK_GB:1&group_policy=none&same_subtree=_A,_B',
    ),
    'a group without resources': candidates(
      () => 'resources_A=VCPU:1&required_B=COMPUTE_NODE&group_policy=none&same_subtree=_A,_B',
    ),
    'any of some traits': candidates(() => `${VCPU}&required=in:COMPUTE_NODE,HW_CPU_X86_VMX`),
  },
  'GET /usages': {
    'the type of consumers': () => ['/usages?project_id=staged&consumer_type=INSTANCE'],
  },
  'POST /reshaper': {
    mappings: reshape(({ host }) => ({ mappings: { '': [host] } })),
    'a consumer type': reshape(() => ({ consumer_type: 'INSTANCE' })),
  },
}
