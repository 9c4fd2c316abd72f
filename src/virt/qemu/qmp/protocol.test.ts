import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { Duplex, PassThrough } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '#lib/clock.ts'
import { eventually } from '../../../../test/eventually.ts'
import { DeadlinePassed } from '../deadline.ts'
import { createTools } from '../tools.ts'
import { commandsOf } from './commands.ts'
import { openQmp, QmpClosed, QmpError, type QmpEvent } from './protocol.ts'

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n'

/** The other end of a wire: what we say to it, and what it says to us. */
function wire() {
  const [toQemu, fromQemu] = [new PassThrough(), new PassThrough()]
  const said: { execute: string; id: number }[] = []
  toQemu.on('data', (line: Buffer) =>
    said.push(
      ...line
        .toString()
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text) as (typeof said)[0]),
    ),
  )
  const say = (text: string) => void fromQemu.write(text)
  return {
    stream: Duplex.from({ readable: fromQemu, writable: toQemu }),
    said,
    say,
    hangUp: () => void fromQemu.end(),
  }
}

async function greeted(onEvent?: (event: QmpEvent) => void) {
  const line = wire()
  const opening = openQmp(line.stream, { clock: systemClock, ...(onEvent && { onEvent }) })
  line.say(GREETING)
  await eventually(() => line.said.length === 1)
  line.say('{"return": {}, "id": 1}\r\n')
  return { ...line, qmp: await opening }
}

test('a real QEMU answers, refuses, tells events and ends', async () => {
  const qemu = await createTools().find('qemu-system-x86_64')
  const child = spawn(qemu, [
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-machine',
    'none',
    '-qmp',
    'stdio',
  ])
  const events: string[] = []
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin })
  const qmp = await openQmp(stream, { clock: systemClock, onEvent: ({ name }) => events.push(name) })
  const commands = commandsOf(qmp)
  assert.deepEqual(await commands.queryStatus(), { running: true, status: 'running' })
  await assert.rejects(
    qmp.execute('make-coffee'),
    (error: Error) => error instanceof QmpError && error.errorClass === 'CommandNotFound',
  )
  await Promise.race([commands.quit(), qmp.closed])
  await qmp.closed
  assert.ok(events.includes('SHUTDOWN'))
  await assert.rejects(commands.queryStatus(), QmpClosed)
})

test('answers find their commands in any order, cut into any pieces, with events in between', async () => {
  const events: QmpEvent[] = []
  const { qmp, say, said } = await greeted((event) => events.push(event))
  const [first, second] = [qmp.execute('a'), qmp.execute('b')]
  await eventually(() => said.length === 3)
  const text =
    '{"return": "for b", "id": 3}\r\n{"event": "STOP", "data": {}}\r\n{"return": "for a", "id": 2}\r\n'
  for (const character of text) say(character)
  assert.deepEqual(await Promise.all([first, second]), ['for a', 'for b'])
  assert.deepEqual(events, [{ name: 'STOP', data: {} }])
})

test('a connection that ends fails what waits; a slow answer passes its deadline and is then ignored', async () => {
  const { qmp, say, said, hangUp } = await greeted()
  await assert.rejects(qmp.execute('slow', undefined, 5), DeadlinePassed)
  say('{"return": {}, "id": 2}\r\n')
  const waiting = assert.rejects(qmp.execute('never'), QmpClosed)
  await eventually(() => said.length === 3)
  hangUp()
  await waiting
  await qmp.closed
})

test('what is not QMP ends the connection', async () => {
  const { qmp, say } = await greeted()
  say('<html>\n')
  await qmp.closed
  const silent = wire()
  await assert.rejects(openQmp(silent.stream, { clock: systemClock, timeoutMs: 5 }), DeadlinePassed)
  // The failed connection is not left half open.
  await delay(0)
  assert.ok(silent.stream.destroyed)
})
