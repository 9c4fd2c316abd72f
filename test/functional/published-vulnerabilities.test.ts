/**
 * What Nova got wrong and published: each vulnerability of the compute API that could be ours too, tried from
 * outside. Those of consoles, images and metadata are tested where they live.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { CloudClient } from '../cloud-client.ts'
import { eventually } from '../eventually.ts'
import { activeServer, ask, askOk, assertFault, createServer, untilStatus } from './ask.ts'
import { startCloud, type WholeCloud } from './whole-cloud.ts'

const SECRET = 'Tr0ub4dor-and-3'

describe('published vulnerabilities', () => {
  const stops: (() => unknown)[] = []
  let cloud: WholeCloud
  let demo: CloudClient
  let alt: CloudClient
  let admin: CloudClient

  before(async () => {
    cloud = await startCloud({ after: (stop) => void stops.push(stop as () => unknown) })
    demo = await cloud.as('demo')
    alt = await cloud.as('alt')
    admin = await cloud.as('admin')
  })
  after(async () => {
    for (const stop of stops) await stop()
  })

  test('CVE-2012-0030: a project in the path that is not the token’s is refused, another’s server not found', async () => {
    const id = await activeServer(demo)
    const endpoint = cloud.cloud.endpoints['compute'] ?? ''
    const headers = { 'x-auth-token': alt.token }
    const asDemo = await fetch(`${endpoint}/${demo.projectId}/servers/${id}`, { headers })
    assert.equal(asDemo.status, 400)
    assertFault(await ask(alt, `GET /servers/${id}`), 404, `Instance ${id} could not be found.`)
    assertFault(await ask(alt, `DELETE /servers/${id}`), 404)
    assertFault(await ask(alt, `POST /servers/${id}/action`, { body: { 'os-stop': null } }), 404)
    await untilStatus(demo, id, 'ACTIVE')
  })

  test('CVE-2012-1585: names and bodies have limits', async () => {
    const server = { name: 'n'.repeat(256), imageRef: '', flavorRef: '42', networks: 'none' }
    assertFault(await ask(demo, 'POST /servers', { body: { server } }), 400, /name/)
    const huge = { server: { ...server, name: 'n', metadata: { key: 'v'.repeat(2_000_000) } } }
    assertFault(await ask(demo, 'POST /servers', { body: huge }), 413)
  })

  test('CVE-2012-3371, CVE-2026-46448: hints are bounded, and those beginning with _nova refused', async () => {
    const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
    const server = { name: 'h', imageRef: images[0]?.id, flavorRef: '42', networks: 'none' }
    const many = { same_host: Array.from({ length: 2_000 }, () => crypto.randomUUID()) }
    assertFault(await ask(demo, 'POST /servers', { body: { server, 'os:scheduler_hints': many } }), 400)
    const inner = { _nova_check_type: ['live_migrate'] }
    assertFault(
      await ask(demo, 'POST /servers', { body: { server, 'os:scheduler_hints': inner } }),
      400,
      /_nova/,
    )
    const deep = JSON.stringify({ server, 'os:scheduler_hints': { x: 'DEEP' } })
    const answer = await fetch(`${cloud.cloud.endpoints['compute'] ?? ''}/servers`, {
      method: 'POST',
      headers: {
        'x-auth-token': demo.token,
        'content-type': 'application/json',
        'x-openstack-nova-api-version': '2.96',
      },
      body: deep.replace('"DEEP"', '['.repeat(20_000) + ']'.repeat(20_000)),
    })
    assert.equal(answer.status, 400)
    assert.match(await answer.text(), /Scheduler hints are nested too deep/)
  })

  test('CVE-2013-1664, CVE-2013-4179: XML is no media type here', async () => {
    const endpoint = cloud.cloud.endpoints['compute'] ?? ''
    const answer = await fetch(`${endpoint}/servers`, {
      method: 'POST',
      headers: { 'x-auth-token': demo.token, 'content-type': 'application/xml' },
      body: '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "e">]><server name="&e;"/>',
    })
    assert.equal(answer.status, 415)
  })

  test('CVE-2013-2256, CVE-2013-4278: a private flavor is neither seen nor used by strangers', async () => {
    const flavor = { name: 'secret', vcpus: 1, ram: 128, disk: 1, 'os-flavor-access:is_public': false }
    const made = (await askOk(admin, 'POST /flavors', { body: { flavor } })) as { flavor: { id: string } }
    assertFault(await ask(demo, `GET /flavors/${made.flavor.id}`), 404)
    const { images } = (await demo.ok('image', 'GET', '/images')) as { images: { id: string }[] }
    const server = { name: 'f', imageRef: images[0]?.id, flavorRef: made.flavor.id, networks: 'none' }
    assertFault(await ask(demo, 'POST /servers', { body: { server } }), 400, /Flavor .* could not be found/)
  })

  test('CVE-2013-4261: a console log of any length is asked for in any length', async () => {
    const id = await activeServer(demo)
    for (const length of [-1, 0, 1, 1_000_000_000, '5', null]) {
      const answer = await ask(demo, `POST /servers/${id}/action`, {
        body: { 'os-getConsoleOutput': { length } },
      })
      assert.equal(answer.status, 200, `${length}: ${JSON.stringify(answer.body)}`)
    }
    const tooLong = { 'os-getConsoleOutput': { length: '9'.repeat(400) } }
    assert.ok((await ask(demo, `POST /servers/${id}/action`, { body: tooLong })).status < 500)
  })

  test('CVE-2014-3608: a server in ERROR is deleted like any other', async () => {
    const image = { name: 'broken', disk_format: 'raw', container_format: 'bare', kilonova_sim_fail: 'spawn' }
    const { id: imageRef } = (await demo.ok('image', 'POST', '/images', image)) as { id: string }
    const content = { 'content-type': 'application/octet-stream' }
    const file = await fetch(`${cloud.cloud.endpoints['image']}/v2/images/${imageRef}/file`, {
      method: 'PUT',
      headers: { 'x-auth-token': demo.token, ...content },
      body: Buffer.alloc(512),
    })
    assert.equal(file.status, 204)
    const id = await createServer(demo, { imageRef })
    await untilStatus(demo, id, 'ERROR')
    assert.equal((await ask(demo, `DELETE /servers/${id}`)).status, 204)
    await eventually(async () => (await ask(demo, `GET /servers/${id}`)).status === 404)
    assert.equal((await ask(demo, `DELETE /servers/${id}`)).status, 404)
    await demo.ok('image', 'DELETE', `/images/${imageRef}`)
  })

  test('CVE-2014-7230, CVE-2015-8749, CVE-2017-7214: no secret reaches a log', async () => {
    const userData = Buffer.from(`#!/bin/sh\necho ${SECRET}\n`).toString('base64')
    const id = await activeServer(demo, { adminPass: SECRET, user_data: userData })
    await ask(demo, `GET /servers/${id}`)
    await ask(demo, 'POST /servers', { body: { server: { adminPass: SECRET, unknown: SECRET } } })
    const logs = readdirSync(cloud.stateDir)
      .filter((name) => name.endsWith('.log'))
      .map((name) => readFileSync(join(cloud.stateDir, name), 'utf8'))
    assert.ok(logs.length > 0)
    for (const secret of [SECRET, userData, demo.token, admin.token])
      for (const log of logs) assert.equal(log.includes(secret), false, 'a secret stands in the log')
  })

  test('CVE-2019-14433: what went wrong inside is for admins', async () => {
    const id = await createServer(demo, { flavorRef: await hugeFlavor(admin) })
    const failed = async (who: CloudClient) =>
      eventually(async () => {
        const { server } = await askOk(who, `GET /servers/${id}`)
        return (server as { fault?: Record<string, unknown> }).fault
      })
    assert.deepEqual(Object.keys(await failed(demo)).sort(), ['code', 'created', 'message'])
  })
})

async function hugeFlavor(admin: CloudClient): Promise<string> {
  const flavor = { name: 'huge', vcpus: 1, ram: 1_024, disk: 100_000_000 }
  return ((await askOk(admin, 'POST /flavors', { body: { flavor } })) as { flavor: { id: string } }).flavor.id
}
