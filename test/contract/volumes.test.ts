/**
 * What every Cinder does for us: the stand-in over HTTP, the one that tests keep in a map, and a real one when
 * `KILONOVA_TEST_CINDER` is set and the environment (`OS_AUTH_URL` and so on) says where and who.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { isFault } from '#lib/fault.ts'
import { createHttpClient } from '#lib/http/index.ts'
import { createIdentity, createServiceSession } from '#neighbours/identity/index.ts'
import { type Caller, createVolumes, type Volumes } from '#neighbours/volumes/index.ts'
import { eventually } from '../eventually.ts'
import { startCinder } from '../functional/cinder-cloud.ts'
import { SmallVolumes } from '../small-volumes.ts'

interface Subject {
  readonly volumes: Volumes
  readonly caller: Caller
}

async function standIn(t: TestContext): Promise<Subject> {
  const { volumes, caller } = await startCinder(t)
  return { volumes, caller: await caller('demo') }
}

async function realOne(t: TestContext): Promise<Subject> {
  const of = (name: string, otherwise = '') => process.env[`OS_${name}`] ?? otherwise
  const http = createHttpClient()
  t.after(() => http.close())
  const authUrl = of('AUTH_URL')
  const session = createServiceSession({
    http,
    authUrl,
    clock: systemClock,
    username: of('USERNAME'),
    password: of('PASSWORD'),
    projectName: of('PROJECT_NAME'),
    userDomainName: of('USER_DOMAIN_NAME', 'Default'),
    projectDomainName: of('PROJECT_DOMAIN_NAME', 'Default'),
  })
  const token = (await session.headers())['x-auth-token'] ?? ''
  const identity = createIdentity({ http, authUrl, session, cacheMs: 0, clock: systemClock })
  const projectId = (await identity.validate(token))?.projectId ?? ''
  return { volumes: createVolumes({ http, session }), caller: { token, projectId } }
}

const SUBJECTS: Readonly<Record<string, (t: TestContext) => Promise<Subject>>> = {
  'the stand-in': standIn,
  'the map': async () => ({ volumes: new SmallVolumes(), caller: { token: 't', projectId: 'p' } }),
  ...(process.env['KILONOVA_TEST_CINDER'] !== undefined && { 'a real Cinder': realOne }),
}

const HOST = { host: 'h1', ip: '127.0.0.1', initiator: 'iqn.2026-01.example:h1' }

for (const [name, make] of Object.entries(SUBJECTS)) {
  test(`${name}: volumes are made, found, attached, freed and removed`, async (t) => {
    const { volumes, caller } = await make(t)
    const is = (id: string, status: string) =>
      eventually(async () => (await volumes.find(id, caller))?.status === status)
    const made = await volumes.create({ sizeGb: 1, name: 'v', metadata: { a: 'b' } }, caller)
    await is(made.id, 'available')
    const { id } = made
    const found = await volumes.find(id, caller)
    assert.deepEqual(
      [found?.name, found?.sizeGb, found?.bootable, found?.metadata, found?.attachments],
      ['v', 1, false, { a: 'b' }, []],
    )
    assert.ok((await volumes.list(caller)).some((volume) => volume.id === id))
    assert.equal(await volumes.find(randomUUID(), caller), undefined)
    assert.equal(await volumes.findSnapshot(randomUUID(), caller), undefined)

    const server = randomUUID()
    const reserved = await volumes.reserve(id, server)
    assert.deepEqual([reserved.volumeId, reserved.instanceUuid], [id, server])
    await is(id, 'reserved')
    await assert.rejects(volumes.reserve(id, randomUUID()), (error) => isFault(error, 'badRequest'))
    const connected = await volumes.connect(reserved.id, HOST, '/dev/vdb')
    assert.ok(connected.connection?.driverVolumeType)
    await volumes.complete(reserved.id)
    await is(id, 'in-use')
    const [attachment] = (await volumes.find(id, caller))?.attachments ?? []
    assert.deepEqual([attachment?.id, attachment?.serverId], [reserved.id, server])
    assert.equal((await volumes.findAttachment(reserved.id))?.volumeId, id)

    await volumes.beginDetaching(id, caller)
    await is(id, 'detaching')
    await assert.rejects(volumes.beginDetaching(id, caller), (error) => isFault(error, 'badRequest'))
    await volumes.rollDetaching(id)
    await is(id, 'in-use')
    await volumes.release(reserved.id)
    await is(id, 'available')
    await volumes.release(reserved.id)
    assert.equal(await volumes.findAttachment(reserved.id), undefined)
    await assert.rejects(volumes.reserve(randomUUID(), server), (error) => isFault(error, 'notFound'))

    const wish = { volumeId: id, name: 's', description: null, force: false }
    const snapshot = await volumes.createSnapshot(wish, caller)
    await eventually(async () => (await volumes.findSnapshot(snapshot.id, caller))?.status === 'available')
    assert.ok((await volumes.listSnapshots(caller)).some((one) => one.id === snapshot.id))
    const copy = await volumes.create({ snapshotId: snapshot.id }, caller)
    assert.deepEqual([copy.sizeGb, copy.snapshotId], [1, snapshot.id])
    await is(copy.id, 'available')
    await volumes.removeAsService(copy.id)
    await volumes.removeSnapshot(snapshot.id, caller)
    await eventually(async () => (await volumes.findSnapshot(snapshot.id, caller)) === undefined)
    await volumes.remove(id, caller)
    await eventually(async () => (await volumes.find(id, caller)) === undefined)
    await volumes.removeAsService(id)
    await assert.rejects(volumes.remove(id, caller), (error) => isFault(error, 'notFound'))
  })
}
