/** The smaller stores on every database: Nova's words for what is missing or taken, and what two do at once. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import {
  insertBlockDevices,
  listBlockDevices,
  type NewBlockDevice,
  removeBlockDevices,
} from '#db/block-devices.ts'
import {
  checkConsoleToken,
  consumeConsoleToken,
  insertConsoleToken,
  purgeConsoleTokens,
} from '#db/console-tokens.ts'
import {
  getFlavor,
  insertFlavor,
  insertFlavorProject,
  listFlavorProjects,
  listFlavors,
  type NewFlavor,
  removeFlavor,
  removeFlavorExtraSpec,
  removeFlavorProject,
  setFlavorExtraSpecs,
  updateFlavor,
} from '#db/flavors.ts'
import {
  findInstanceAction,
  finishActionEvent,
  finishInstanceAction,
  getInstanceAction,
  insertInstanceActions,
  listActionEvents,
  listInstanceActions,
  startActionEvent,
} from '#db/instance-actions.ts'
import { insertInstanceFault, latestInstanceFaults } from '#db/instance-faults.ts'
import { countKeyPairs, getKeyPair, insertKeyPair, listKeyPairs, removeKeyPair } from '#db/keypairs.ts'
import {
  findClassQuotas,
  findProjectQuotas,
  findUserQuotas,
  removeProjectQuotas,
  setClassQuotas,
  setProjectQuotas,
  setUserQuotas,
} from '#db/quotas.ts'
import { openStores } from './db.ts'
import { NANO } from './fixtures.ts'

const stores = await openStores()

/** A flavor, private to its test. */
function newFlavor(differs: Partial<NewFlavor> = {}): NewFlavor {
  const { id: _, ...flavor } = NANO
  return { ...flavor, flavorId: randomUUID(), name: randomUUID(), ...differs }
}

for (const { name, db } of stores) {
  test(`${name}: flavors: ids and names are taken once`, async () => {
    const flavor = newFlavor()
    const stored = await insertFlavor(db, flavor, { now: 1 })
    assert.deepEqual(await getFlavor(db, flavor.flavorId), stored)
    assert.deepEqual(stored, { ...flavor, id: stored.id })
    await assert.rejects(insertFlavor(db, { ...newFlavor(), flavorId: flavor.flavorId }, { now: 1 }), {
      kind: 'conflict',
      message: `Flavor with ID ${flavor.flavorId} already exists.`,
    })
    await assert.rejects(insertFlavor(db, { ...newFlavor(), name: flavor.name }, { now: 1 }), {
      kind: 'conflict',
      message: `Flavor with name ${flavor.name} already exists.`,
    })
    assert.equal(
      (await updateFlavor(db, flavor.flavorId, { description: 'new' }, { now: 2 })).description,
      'new',
    )
    await removeFlavor(db, flavor.flavorId)
    const missing = { kind: 'notFound', message: `Flavor ${flavor.flavorId} could not be found.` }
    await assert.rejects(getFlavor(db, flavor.flavorId), missing)
    await assert.rejects(removeFlavor(db, flavor.flavorId), missing)
    await assert.rejects(updateFlavor(db, flavor.flavorId, { description: null }, { now: 2 }), missing)
  })

  test(`${name}: flavors: a private one is seen by those it was given to`, async () => {
    const [mine, other] = [randomUUID(), randomUUID()]
    const flavor = await insertFlavor(db, newFlavor({ isPublic: false }), { now: 1, projects: [mine] })
    const { id, flavorId } = flavor
    const sees = async (project: string) =>
      (await listFlavors(db, { visibleTo: project })).some((listed) => listed.id === id)
    assert.deepEqual([await sees(mine), await sees(other)], [true, false])
    await insertFlavorProject(db, flavor, other)
    await assert.rejects(insertFlavorProject(db, flavor, other), { kind: 'conflict' })
    assert.deepEqual(
      await listFlavorProjects(db, id),
      [mine, other].sort((a, b) => (a < b ? -1 : 1)),
    )
    await removeFlavorProject(db, flavor, mine)
    await assert.rejects(removeFlavorProject(db, flavor, mine), { kind: 'notFound' })
    assert.deepEqual([await sees(mine), await sees(other)], [false, true])
    await assert.rejects(getFlavor(db, flavorId, { visibleTo: mine }), { kind: 'notFound' })
    assert.equal((await getFlavor(db, flavorId, { visibleTo: other })).id, id)
  })

  test(`${name}: flavors: extra specs are set one by one, and go with the flavor`, async () => {
    const flavor = await insertFlavor(db, newFlavor({ extraSpecs: { a: '1', b: '1' } }), { now: 1 })
    await Promise.all([
      setFlavorExtraSpecs(db, flavor.id, { b: '2', c: '2' }),
      setFlavorExtraSpecs(db, flavor.id, { d: '3' }),
    ])
    await removeFlavorExtraSpec(db, flavor, 'a')
    await assert.rejects(removeFlavorExtraSpec(db, flavor, 'a'), { kind: 'notFound' })
    assert.deepEqual((await getFlavor(db, flavor.flavorId)).extraSpecs, { b: '2', c: '2', d: '3' })
    await removeFlavor(db, flavor.flavorId)
    const left = await db
      .selectFrom('flavor_extra_specs')
      .select('key')
      .where('flavor_id', '=', flavor.id)
      .execute()
    assert.deepEqual(left, [])
  })

  test(`${name}: flavors: pages by any key`, async () => {
    const project = randomUUID()
    const sizes = [3, 1, 2, 1]
    for (const memoryMb of sizes) {
      await insertFlavor(db, newFlavor({ memoryMb, isPublic: false }), { now: 1, projects: [project] })
    }
    const filters = { visibleTo: project, isPublic: false }
    const sort = [{ key: 'memory_mb', direction: 'desc' }] as const
    const first = await listFlavors(db, filters, { sort, limit: 3 })
    const second = await listFlavors(db, filters, { sort, limit: 3, marker: first[2]?.flavorId ?? '' })
    assert.deepEqual(
      [...first, ...second].map(({ memoryMb }) => memoryMb),
      [3, 2, 1, 1],
    )
    assert.equal((await listFlavors(db, { ...filters, minRamMb: 2 })).length, 2)
    await assert.rejects(listFlavors(db, {}, { marker: 'no' }), {
      kind: 'badRequest',
      message: 'marker [no] not found',
    })
  })

  test(`${name}: key pairs: a name is a user's own, and free again`, async () => {
    const [ada, bob] = [randomUUID(), randomUUID()]
    const keyOf = (userId: string, name: string) =>
      insertKeyPair(db, { userId, name, type: 'ssh', fingerprint: 'f', publicKey: 'p' }, { now: 1 })
    const key = await keyOf(ada, 'k')
    await keyOf(bob, 'k')
    await assert.rejects(keyOf(ada, 'k'), { kind: 'conflict', message: "Key pair 'k' already exists." })
    assert.deepEqual(await getKeyPair(db, ada, 'k'), key)
    await removeKeyPair(db, ada, 'k')
    await assert.rejects(removeKeyPair(db, ada, 'k'), { message: `Keypair k not found for user ${ada}` })
    await keyOf(ada, 'k')
    for (const name of ['c', 'a', 'b']) await keyOf(ada, name)
    assert.equal(await countKeyPairs(db, ada), 4)
    const page = await listKeyPairs(db, ada, { marker: 'a', limit: 2 })
    assert.deepEqual(
      page.map(({ name }) => name),
      ['b', 'c'],
    )
    await assert.rejects(listKeyPairs(db, ada, { marker: 'zz' }), { kind: 'badRequest' })
  })

  test(`${name}: instance actions: newest first, in pages, with their events`, async () => {
    const instanceUuid = randomUUID()
    const who = { userId: 'u', projectId: 'p' }
    const keyOf = (requestId: string) => ({ instanceUuid, requestId })
    for (const [i, action] of ['create', 'stop', 'start', 'delete'].entries()) {
      await insertInstanceActions(db, [{ ...keyOf(`req-${i}`), action, ...who }], { now: Math.trunc(i / 2) })
    }
    const words = (actions: readonly { action: string }[]) => actions.map(({ action }) => action)
    assert.deepEqual(words(await listInstanceActions(db, instanceUuid)), [
      'delete',
      'start',
      'stop',
      'create',
    ])
    const page = await listInstanceActions(db, instanceUuid, { marker: 'req-3', limit: 2 })
    assert.deepEqual(words(page), ['start', 'stop'])
    await assert.rejects(listInstanceActions(db, instanceUuid, { marker: 'req-9' }), { kind: 'badRequest' })

    await startActionEvent(db, keyOf('req-0'), { event: 'one', host: 'h' }, { now: 10 })
    await finishActionEvent(db, keyOf('req-0'), { event: 'one', result: 'Success' }, { now: 11 })
    await startActionEvent(db, keyOf('req-0'), { event: 'two', host: null }, { now: 12 })
    await finishActionEvent(
      db,
      keyOf('req-0'),
      { event: 'two', result: 'Error', details: 'd', traceback: 't' },
      { now: 13 },
    )
    await finishInstanceAction(db, keyOf('req-0'), { now: 14 })
    const action = await getInstanceAction(db, keyOf('req-0'))
    assert.deepEqual([action.message, action.finishedAt, action.updatedAt], ['Error', 14, 14])
    const events = await listActionEvents(db, action.id)
    assert.deepEqual(
      events.map(({ event, result, startedAt, finishedAt, host, details }) => [
        event,
        result,
        startedAt,
        finishedAt,
        host,
        details,
      ]),
      [
        ['two', 'Error', 12, 13, null, 'd'],
        ['one', 'Success', 10, 11, 'h', null],
      ],
    )
    assert.deepEqual(words(await listInstanceActions(db, instanceUuid, { changesSince: 14 })), ['create'])
    assert.deepEqual(words(await listInstanceActions(db, instanceUuid, { changesBefore: 0 })), ['stop'])
    assert.equal(await findInstanceAction(db, { instanceUuid: randomUUID(), requestId: 'req-0' }), undefined)
    await startActionEvent(db, keyOf('req-unknown'), { event: 'x', host: null }, { now: 1 })
    await assert.rejects(getInstanceAction(db, keyOf('req-unknown')), {
      kind: 'notFound',
      message: 'Action req-unknown not found',
    })
  })

  test(`${name}: instance faults: the latest of each`, async () => {
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()]
    const add = (uuid: string, message: string) =>
      insertInstanceFault(db, uuid, { code: 500, message, details: null, host: null }, { now: 1 })
    await add(a, 'old')
    await add(b, 'b'.repeat(300))
    await add(a, 'new')
    const latest = await latestInstanceFaults(db, [a, b, c])
    assert.deepEqual([latest.get(a)?.message, latest.get(b)?.message.length, latest.size], ['new', 255, 2])
    assert.equal((await latestInstanceFaults(db, [])).size, 0)
  })

  test(`${name}: console tokens: of ten who come at once one is let in, and none after the end`, async () => {
    const token = randomUUID()
    const about = { instanceUuid: 'i', consoleType: 'novnc', accessUrlBase: 'http://x', expiresAt: 100 }
    await insertConsoleToken(db, token, about, { now: 1 })
    assert.equal((await checkConsoleToken(db, token, { now: 99 })).verdict, 'valid')
    assert.equal((await consumeConsoleToken(db, token, { now: 100 })).verdict, 'expired')
    const tries = await Promise.all(
      Array.from({ length: 10 }, () => consumeConsoleToken(db, token, { now: 50 })),
    )
    const verdicts = Object.groupBy(tries, ({ verdict }) => verdict)
    assert.deepEqual([verdicts.valid?.length, verdicts.used?.length], [1, 9])
    assert.deepEqual(verdicts.valid?.[0], { verdict: 'valid', token: { ...about, createdAt: 1, usedAt: 50 } })
    assert.equal((await consumeConsoleToken(db, 'guess', { now: 50 })).verdict, 'unknown')
    const stored = await db.selectFrom('console_auth_tokens').selectAll().execute()
    assert.ok(!JSON.stringify(stored).includes(token))
    assert.equal(await purgeConsoleTokens(db, { before: 101 }), 1)
  })

  test(`${name}: block devices: in boot order, for many instances at once`, async () => {
    const [a, b] = [randomUUID(), randomUUID()]
    const device = (instanceUuid: string, bootIndex: number | null): NewBlockDevice => ({
      uuid: randomUUID(),
      instanceUuid,
      sourceType: 'image',
      destinationType: 'local',
      imageId: 'i',
      volumeId: null,
      snapshotId: null,
      deviceName: '/dev/vda',
      bootIndex,
      volumeSizeGb: null,
      guestFormat: null,
      diskBus: null,
      deviceType: 'disk',
      deleteOnTermination: true,
      attachmentId: null,
      volumeType: null,
      tag: null,
    })
    await insertBlockDevices(db, [device(a, null), device(a, 1), device(a, -1), device(a, 0), device(b, 0)], {
      now: 1,
    })
    const devices = await listBlockDevices(db, [a, b])
    assert.deepEqual(
      devices.get(a)?.map(({ bootIndex }) => bootIndex),
      [0, 1, null, -1],
    )
    assert.equal(devices.get(b)?.[0]?.deleteOnTermination, true)
    await removeBlockDevices(db, a)
    assert.deepEqual([...(await listBlockDevices(db, [a, b])).keys()], [b])
  })

  test(`${name}: quotas: what is set stays until it is set again or removed`, async () => {
    const project = randomUUID()
    await setProjectQuotas(db, project, { cores: 5, ram: -1 })
    await setProjectQuotas(db, project, { cores: 6 })
    await setUserQuotas(db, project, 'u', { cores: 2 })
    assert.deepEqual(await findProjectQuotas(db, project), { cores: 6, ram: -1 })
    assert.deepEqual(await findUserQuotas(db, project, 'u'), { cores: 2 })
    await setClassQuotas(db, project, { cores: 1 })
    await setClassQuotas(db, project, { ram: 2 })
    assert.deepEqual(await findClassQuotas(db, project), { cores: 1, ram: 2 })
    await removeProjectQuotas(db, project)
    assert.deepEqual([await findProjectQuotas(db, project), await findUserQuotas(db, project, 'u')], [{}, {}])
  })
}
