/** The conductor in a small cloud: rescheduling, deletes that win, hosts that go down, and whoever takes over. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { listPendingCommands } from '#db/commands.ts'
import { latestInstanceFaults } from '#db/instance-faults.ts'
import { findInstance, getInstance } from '#db/instances.ts'
import { operationsJournal } from '#db/operations-journal.ts'
import { findOperation, listLiveOperations } from '#db/operations.ts'
import { eventually } from '../../test/eventually.ts'
import { buildParams, failure, impatient, smallCloud, type SmallCloud } from '../../test/small-cloud.ts'
import { type Conductor, createConductor } from './index.ts'

async function cloudWithConductor(t: TestContext, options: Parameters<typeof smallCloud>[0] = {}) {
  const cloud = await smallCloud(options)
  const conductor = createConductor(cloud.deps)
  await conductor.start()
  const closing: Conductor[] = [conductor]
  t.after(async () => {
    for (const one of closing) await one.close()
    await cloud.close()
  })
  return { ...cloud, conductor, another: () => (closing.push(createConductor(cloud.deps)), closing.at(-1)!) }
}

const build = async (cloud: SmallCloud) => {
  const uuid = await cloud.addInstance({ vmState: 'building' })
  return { uuid, operation: await cloud.request('build-server', uuid, 'scheduling', buildParams()) }
}
const remove = (cloud: SmallCloud, uuid: string) => cloud.request('delete-server', uuid, 'deleting', {})

const settled = (cloud: SmallCloud, uuid: string) =>
  eventually(async () => (await listLiveOperations(cloud.world.db, uuid)).length === 0, {
    everyMs: 2,
    what: 'the end of all operations',
  })

const faultOf = async (cloud: SmallCloud, uuid: string) =>
  (await latestInstanceFaults(cloud.world.db, [uuid])).get(uuid)

function assertNothingLeft(cloud: SmallCloud): void {
  assert.deepEqual(
    Object.values(cloud.computes).flatMap((compute) => [...compute.guests]),
    [],
  )
  assert.deepEqual(
    cloud.networks.all().map(({ id, deviceId }) => [id, deviceId]),
    [['own-port', '']],
  )
  assert.deepEqual([...cloud.placement.allocations.keys()], [])
}

test('a build that fails on one host goes to the next, and leaves nothing on the first', async (t) => {
  const cloud = await cloudWithConductor(t)
  cloud.computes.h1!.misbehave = ({ kind }) => (kind === 'build' ? failure('no memory', true) : undefined)
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  const instance = await getInstance(cloud.world.db, uuid)
  assert.deepEqual([instance.vmState, instance.taskState, instance.host], ['active', null, 'h2'])
  assert.deepEqual([...cloud.placement.allocations.values()], [{ 'rp-h2': { resources: { VCPU: 1 } } }])
  assert.deepEqual(
    cloud.networks.all().map(({ host }) => host),
    ['h2', 'h2'],
  )
  assert.equal(await faultOf(cloud, uuid), undefined)
})

test('a build that no host can do ends in error with Nova’s words and the last reason', async (t) => {
  const cloud = await cloudWithConductor(t, { hosts: ['h1', 'h2', 'h3', 'h4'] })
  for (const compute of Object.values(cloud.computes))
    compute.misbehave = ({ kind }) => (kind === 'build' ? failure('QEMU is missing', true) : undefined)
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  const instance = await getInstance(cloud.world.db, uuid)
  assert.deepEqual([instance.vmState, instance.taskState, instance.host], ['error', null, null])
  const fault = await faultOf(cloud, uuid)
  assert.match(
    fault?.message ?? '',
    /^Exceeded maximum number of retries\. Exceeded max scheduling attempts 3 for instance .* Last exception: QEMU is missing$/,
  )
  assertNothingLeft(cloud)
})

test('with one host, retrying exhausts the alternates', async (t) => {
  const cloud = await cloudWithConductor(t, { hosts: ['h1'] })
  cloud.computes.h1!.misbehave = ({ kind }) =>
    kind === 'build' ? failure('QEMU is missing', true) : undefined
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  assert.match(
    (await faultOf(cloud, uuid))?.message ?? '',
    /Exhausted all hosts available .* QEMU is missing$/,
  )
  assertNothingLeft(cloud)
})

test('a failure that no host will cure is not tried elsewhere', async (t) => {
  const cloud = await cloudWithConductor(t)
  cloud.computes.h1!.misbehave = ({ kind }) =>
    kind === 'build' ? failure('the image is not a disk', false) : undefined
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  const fault = await faultOf(cloud, uuid)
  assert.deepEqual([fault?.code, fault?.message], [500, 'the image is not a disk'])
  assert.match(fault?.details ?? '', /Traceback: the image is not a disk/)
  assert.equal(cloud.computes.h2!.did.length, 0)
  assertNothingLeft(cloud)
})

test('no room: the scheduler’s explanation is the fault', async (t) => {
  const cloud = await cloudWithConductor(t, { slots: 0 })
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  const fault = await faultOf(cloud, uuid)
  assert.deepEqual([fault?.code, fault?.message], [500, 'No valid host was found. All hosts are full.'])
  assertNothingLeft(cloud)
})

test('a claim whose conductor died before it was written down is not in the way of the next', async (t) => {
  const cloud = await cloudWithConductor(t, { hosts: ['h1'], slots: 1 })
  const uuid = await cloud.addInstance({ vmState: 'building' })
  await cloud.placement.claim({ instanceUuid: uuid }, { 'rp-h1': { resources: { VCPU: 1 } } })
  await cloud.request('build-server', uuid, 'scheduling', buildParams())
  await settled(cloud, uuid)
  assert.equal((await getInstance(cloud.world.db, uuid)).vmState, 'active')
})

test('a claim that came late gives way, and takes the place of nothing', async (t) => {
  const cloud = await cloudWithConductor(t)
  const late = { 'rp-h2': { resources: { VCPU: 1 } } }
  const uuid = await cloud.addInstance({ vmState: 'building' })
  await cloud.placement.claim({ instanceUuid: uuid }, late)
  await cloud.request('build-server', uuid, 'scheduling', buildParams())
  await settled(cloud, uuid)
  assert.equal((await getInstance(cloud.world.db, uuid)).host, 'h1')
  await assert.rejects(cloud.placement.claim({ instanceUuid: uuid }, late))
  assert.deepEqual(Object.keys(cloud.placement.allocations.get(uuid) ?? {}), ['rp-h1'])
})

test('a delete during a build that hangs does not wait for it', async (t) => {
  const cloud = await cloudWithConductor(t)
  cloud.computes.h1!.misbehave = ({ kind }) => (kind === 'build' ? 'silence' : undefined)
  const { uuid, operation } = await build(cloud)
  await eventually(async () => (await getInstance(cloud.world.db, uuid)).taskState === 'spawning', {
    everyMs: 2,
  })
  await remove(cloud, uuid)
  await settled(cloud, uuid)
  assert.equal(await findInstance(cloud.world.db, uuid), undefined)
  assert.equal((await findOperation(cloud.world.db, operation))?.status, 'cancelled')
  assert.equal(await faultOf(cloud, uuid), undefined)
  assertNothingLeft(cloud)
})

test('a step that hangs ends with its deadline: the server is in error, the fault names the step, and nothing is left', async (t) => {
  const hangs = {
    spawn: (cloud: SmallCloud) => {
      cloud.computes.h1!.misbehave = ({ kind }) => (kind === 'build' ? 'silence' : undefined)
    },
    networks: (cloud: SmallCloud) => {
      cloud.networks.allocate = () => new Promise<never>(() => undefined)
    },
  }
  for (const [step, hang] of Object.entries(hangs)) {
    const small = await smallCloud({
      config: { buildTimeoutMs: 60_000, serviceDownTimeMs: 1e9, closeMs: 10 },
    })
    let jumpedMs = 0
    const impatience: (() => void)[] = []
    const { clock } = small.deps
    // Sleeps that are waited out at once when time jumps: those of deadlines and polls.
    const sleep: typeof clock.sleep = (ms, signal) =>
      Promise.race([clock.sleep(ms, signal), new Promise<void>((resolve) => impatience.push(resolve))])
    const jumping = { now: () => clock.now() + jumpedMs, sleep }
    const conductor = createConductor({ ...small.deps, clock: jumping })
    t.after(async () => {
      await conductor.close()
      await small.close()
    })
    await conductor.start()
    hang(small)
    const { uuid } = await build(small)
    const state = step === 'spawn' ? 'spawning' : 'networking'
    await eventually(async () => (await getInstance(small.world.db, uuid)).taskState === state, {
      everyMs: 2,
    })
    jumpedMs = 301_000
    for (const resolve of impatience) resolve()
    await settled(small, uuid)
    assert.equal((await getInstance(small.world.db, uuid)).vmState, 'error', step)
    assert.match(
      (await faultOf(small, uuid))?.message ?? '',
      new RegExp(`^Step '${step}' did not finish within`),
    )
    assertNothingLeft(small)
  }
})

test('deletes with the host down: the server goes at once, its guest when the host returns', async (t) => {
  const cloud = await cloudWithConductor(t)
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  await cloud.hostDown('h1')
  await remove(cloud, uuid)
  await settled(cloud, uuid)
  assert.equal(await findInstance(cloud.world.db, uuid), undefined)
  assert.deepEqual([...cloud.computes.h1!.guests], [uuid])
  await cloud.hostUp('h1')
  assertNothingLeft(cloud)
})

test('a host that goes down during a build: the next one builds it, and nothing stays on the first', async (t) => {
  const cloud = await cloudWithConductor(t)
  cloud.observe(async (event) => {
    if (event === 'after ports') await cloud.hostDown('h1')
  })
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  const instance = await getInstance(cloud.world.db, uuid)
  assert.deepEqual([instance.vmState, instance.host], ['active', 'h2'])
  await cloud.hostUp('h1')
  assert.deepEqual([...cloud.computes.h1!.guests], [])
  assert.deepEqual([...cloud.computes.h2!.guests], [uuid])
})

test('of two deletes both end well, one after the other', async (t) => {
  const cloud = await cloudWithConductor(t)
  const { uuid } = await build(cloud)
  const deletes = await Promise.all([remove(cloud, uuid), remove(cloud, uuid), remove(cloud, uuid)])
  await settled(cloud, uuid)
  const endings = await Promise.all(deletes.map((id) => findOperation(cloud.world.db, id)))
  assert.deepEqual(
    endings.map((one) => one?.status),
    ['done', 'done', 'done'],
  )
  assert.ok((await findInstance(cloud.world.db, uuid, { deleted: 'include' }))?.terminatedAt)
  assertNothingLeft(cloud)
})

test('a conductor that closes hands over to another', async (t) => {
  const cloud = await cloudWithConductor(t)
  cloud.computes.h1!.misbehave = ({ kind }) => (kind === 'build' ? 'silence' : undefined)
  const { uuid } = await build(cloud)
  await eventually(async () => (await getInstance(cloud.world.db, uuid)).taskState === 'spawning', {
    everyMs: 2,
  })
  await cloud.conductor.close()
  cloud.computes.h1!.misbehave = () => undefined
  await cloud.another().start()
  await settled(cloud, uuid)
  assert.equal((await getInstance(cloud.world.db, uuid)).vmState, 'active')
})

test('a conductor that is the only one takes over at once what a killed one held', async (t) => {
  const cloud = await smallCloud()
  const { uuid } = await build(cloud)
  const journal = operationsJournal(cloud.database, cloud.world.clock)
  const held = {
    owner: 'killed',
    sagas: ['build-server'],
    now: Date.now(),
    leaseUntil: Date.now() + 3_600_000,
    limit: 9,
  }
  assert.equal((await journal.claim(held)).length, 1)
  const conductor = createConductor({ ...cloud.deps, config: { ...impatient, sole: true } })
  t.after(async () => {
    await conductor.close()
    await cloud.close()
  })
  await conductor.start()
  await settled(cloud, uuid)
  assert.equal((await getInstance(cloud.world.db, uuid)).vmState, 'active')
})

test('a lost hint costs a poll interval, not a server', async (t) => {
  const cloud = await cloudWithConductor(t)
  const { h1 } = cloud.computes
  const hint = h1!.hint.bind(h1)
  let hints = 0
  h1!.hint = (commandId) => {
    if (hints++ > 0) hint(commandId)
  }
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  assert.ok(hints >= 2)
  assert.equal((await getInstance(cloud.world.db, uuid)).vmState, 'active')
})

test('a hard reboot overtakes a soft one that hangs; a failed one whose guest runs on is a fault, not an error', async (t) => {
  const cloud = await cloudWithConductor(t)
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  const { h1 } = cloud.computes
  h1!.misbehave = ({ kind, args }) => (kind === 'reboot' && args.type === 'SOFT' ? 'silence' : undefined)
  await cloud.request('reboot-server', uuid, 'rebooting', { type: 'SOFT' })
  await eventually(async () => (await getInstance(cloud.world.db, uuid)).taskState === 'reboot_started', {
    everyMs: 2,
  })
  await cloud.request('reboot-server', uuid, 'rebooting_hard', { type: 'HARD' })
  await settled(cloud, uuid)
  assert.deepEqual(
    h1!.did.filter(({ kind }) => kind === 'reboot').map(({ args }) => args),
    [{ type: 'HARD' }],
  )

  h1!.misbehave = () => ({
    ok: false,
    message: 'the guest ignores us',
    details: '',
    retryable: false,
    powerState: 1,
  })
  await cloud.request('reboot-server', uuid, 'rebooting', { type: 'SOFT' })
  await settled(cloud, uuid)
  const instance = await getInstance(cloud.world.db, uuid)
  assert.deepEqual([instance.vmState, instance.taskState], ['active', null])
  assert.equal((await faultOf(cloud, uuid))?.message, 'the guest ignores us')
})

test('stop tells the compute how long the guest may take: the image’s word before the option’s', async (t) => {
  const cloud = await cloudWithConductor(t)
  const uuid = await cloud.addInstance({ host: 'h1', systemMetadata: { image_os_shutdown_timeout: '7' } })
  await cloud.request('stop-server', uuid, 'powering-off', {})
  await settled(cloud, uuid)
  assert.deepEqual(cloud.computes.h1!.did, [{ kind: 'stop', instanceUuid: uuid, args: { timeoutMs: 7000 } }])
})

test('a destroy that fails is tried again; a server whose guest cannot be removed ends in error, and can be deleted later', async (t) => {
  const cloud = await cloudWithConductor(t)
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  const { h1 } = cloud.computes
  let tries = 0
  h1!.misbehave = ({ kind }) =>
    kind === 'destroy' && ++tries > 0 ? failure('the disk is busy', false) : undefined
  await remove(cloud, uuid)
  await settled(cloud, uuid)
  assert.equal(tries, 3)
  const instance = await getInstance(cloud.world.db, uuid)
  assert.deepEqual([instance.vmState, instance.taskState], ['error', null])
  assert.equal((await faultOf(cloud, uuid))?.message, 'the disk is busy')
  h1!.misbehave = () => undefined
  await remove(cloud, uuid)
  await settled(cloud, uuid)
  assertNothingLeft(cloud)
})

test('a stop that its host did not live to do fails, and is not done when the host returns', async (t) => {
  const cloud = await cloudWithConductor(t)
  const { uuid } = await build(cloud)
  await settled(cloud, uuid)
  const { h1 } = cloud.computes
  h1!.misbehave = ({ kind }) => (kind === 'stop' ? 'silence' : undefined)
  await cloud.request('stop-server', uuid, 'powering-off', {})
  await eventually(async () => (await listPendingCommands(cloud.world.db, 'h1')).length === 1, { everyMs: 2 })
  await cloud.hostDown('h1')
  await settled(cloud, uuid)
  const instance = await getInstance(cloud.world.db, uuid)
  assert.deepEqual([instance.vmState, instance.taskState], ['active', null])
  assert.match((await faultOf(cloud, uuid))?.message ?? '', /Compute service of h1 is unavailable/)
  h1!.misbehave = () => undefined
  await cloud.hostUp('h1')
  assert.deepEqual(
    h1!.did.map(({ kind }) => kind),
    ['build'],
  )
})
