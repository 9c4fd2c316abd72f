/** Remote consoles over HTTP: who gets a way to which guest, and that a token opens one console once. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { WebSocket } from 'ws'
import type { CloudClient } from '../cloud-client.ts'
import {
  activeServer,
  ask,
  askOk,
  assertFault,
  assertForbidden,
  createServer,
  untilStatus,
  usersOfOneCloud,
} from './ask.ts'

const VNC = { remote_console: { protocol: 'vnc', type: 'novnc' } }

/** The close code with which the proxy ends a connection with this URL's token. */
async function closeCode(consoleUrl: string, token?: string): Promise<number> {
  const url = new URL(consoleUrl)
  const path = url.searchParams.get('path') ?? ''
  const own = new URLSearchParams(path.slice(path.indexOf('?'))).get('token') ?? ''
  const socket = new WebSocket(`ws://${url.host}${url.pathname}?token=${token ?? own}`, ['binary', 'verdict'])
  const [code] = (await once(socket, 'close')) as [number]
  return code
}

const USED = 4409
const UNKNOWN = 4404
const NOT_RUNNING = 4423

const consoleOf = async (who: CloudClient, id: string): Promise<string> =>
  (await askOk(who, `POST /servers/${id}/remote-consoles`, { body: VNC })).remote_console.url

describe('remote consoles', () => {
  const users = usersOfOneCloud()

  test('a token is good once, for its own guest, while that runs', async () => {
    const { demo } = users
    const id = await activeServer(demo)
    const url = await consoleOf(demo, id)
    // Simulated guests show nothing: what counts is that the proxy took the token, once.
    assert.notEqual(await closeCode(url), USED)
    assert.equal(await closeCode(url), USED)
    assert.equal(await closeCode(url, '00000000-0000-4000-8000-000000000000'), UNKNOWN)
    assert.equal(await closeCode(url, ''), UNKNOWN)

    const next = await consoleOf(demo, id)
    assert.notEqual(next, url)
    await askOk(demo, `POST /servers/${id}/action`, { body: { 'os-stop': null } })
    await untilStatus(demo, id, 'SHUTOFF')
    assert.equal(await closeCode(next), NOT_RUNNING)
    await askOk(demo, `POST /servers/${id}/action`, { body: { 'os-start': null } })
    await untilStatus(demo, id, 'ACTIVE')
    assert.notEqual(await closeCode(next), USED, 'a refused opening uses nothing up')
  })

  test('the actions of before 2.6 answer the same', async () => {
    const { demo } = users
    const id = await activeServer(demo)
    const old = (type: string, action: string, at = '2.5') =>
      ask(demo, `POST /servers/${id}/action`, { at, body: { [action]: { type } } })
    const answer = await old('novnc', 'os-getVNCConsole')
    assert.equal(answer.body.console.type, 'novnc')
    assert.match(answer.body.console.url, /token/)
    assertFault(await old('xvpvnc', 'os-getVNCConsole'), 400, 'Invalid console type xvpvnc')
    assertFault(await old('spice-html5', 'os-getSPICEConsole'), 400, 'Unavailable console type spice-html5.')
    assertFault(await old('serial', 'os-getSerialConsole'), 400, 'Unavailable console type serial.')
    assertFault(await old('novnc', 'os-getVNCConsole', '2.6'), 404, 'The resource could not be found.')
    const early = await ask(demo, `POST /servers/${id}/remote-consoles`, { at: '2.5', body: VNC })
    assertFault(early, 404, 'The resource could not be found.')
  })

  test('consoles that cannot be had are refused in Nova’s words', async () => {
    const { demo, admin } = users
    const id = await activeServer(demo)
    const post = (remote_console: object, at = '2.104', server = id) =>
      ask(demo, `POST /servers/${server}/remote-consoles`, { at, body: { remote_console } })
    assertFault(
      await post({ protocol: 'spice', type: 'spice-html5' }),
      400,
      'Unavailable console type spice-html5.',
    )
    assertFault(await post({ protocol: 'spice', type: 'novnc' }), 400, 'Unavailable console type novnc.')
    assertFault(await post({ protocol: 'vnc', type: 'xvpvnc' }), 400, 'Invalid console type xvpvnc')
    assertFault(await post({ protocol: 'mks', type: 'webmks' }, '2.7'), 400, /'mks' is not one of/)
    assertFault(await post({ protocol: 'vnc', type: 'nope' }), 400, /'nope' is not one of/)
    assertFault(await post({ protocol: 'vnc' }), 400, /'type' is a required property$/)
    assertFault(await post(VNC.remote_console, '2.104', 'nope'), 404, 'Instance nope could not be found.')

    const flavor = { name: 'slow', id: 'slow', ram: 64, vcpus: 1, disk: 1 }
    await askOk(admin, 'POST /flavors', { body: { flavor } })
    await askOk(admin, 'POST /flavors/slow/os-extra_specs', {
      body: { extra_specs: { 'kilonova:sim_spawn_ms': '60000' } },
    })
    const building = await createServer(demo, { flavorRef: 'slow' })
    assertFault(await post(VNC.remote_console, '2.104', building), 409, `Instance ${building} is not ready`)
    await askOk(demo, `DELETE /servers/${building}`)
  })

  test('the way to a guest is for its project’s members and admins alone', async () => {
    const { demo, reader, alt, admin } = users
    const id = await activeServer(demo)
    assertForbidden(await ask(reader, `POST /servers/${id}/remote-consoles`, { body: VNC }))
    assertFault(
      await ask(alt, `POST /servers/${id}/remote-consoles`, { body: VNC }),
      404,
      `Instance ${id} could not be found.`,
    )
    assert.match(await consoleOf(admin, id), /token/)
  })
})
