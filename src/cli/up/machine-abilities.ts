/** What guests and networks this machine can have, after setting up what was missing. */
import { existsSync } from 'node:fs'
import { messageOf } from '#lib/undo.ts'
import { runKept } from '../run-process.ts'
import { hasProgram, type Machine, setUp } from '../setup/set-up.ts'
import type { DriverName } from './up-arguments.ts'

const TUN = '/dev/net/tun'

/** Which driver computes use: the one asked for, else qemu where it is. Says why when that is not what one expects. */
export async function chooseDriver(
  asked: DriverName | undefined,
  isFirstStart: boolean,
  machine: Machine,
): Promise<DriverName> {
  if (asked === 'simulated') return asked
  const kinds = [
    'guests' as const,
    ...(machine.uid === 0 ? ['networks' as const] : []),
    // Asked for again when the image is built; here so that all is installed in one go.
    ...(isFirstStart ? ['image' as const] : []),
  ]
  await setUp(kinds, machine)
  if (machine.uid === 0) await makeTun(machine)
  const path = machine.environment['PATH'] ?? ''
  const hasQemu = hasProgram('qemu-system-x86_64', path) && hasProgram('qemu-img', path)
  if (asked === 'qemu' && !hasQemu) machine.say('QEMU is not here: servers will end in ERROR until it is.')
  if (asked !== undefined || hasQemu) return 'qemu'
  machine.say('QEMU is not here: servers are simulated, without an operating system in them.')
  return 'simulated'
}

/** A bare chroot has no device for taps; its kernel may have one all the same. */
async function makeTun(machine: Machine): Promise<void> {
  if (existsSync(TUN)) return
  try {
    const command = `mkdir -p /dev/net && mknod ${TUN} c 10 200 && chmod 666 ${TUN}`
    const { code, output } = await runKept({ program: 'sh', args: ['-c', command], cwd: '/' })
    if (code !== 0) throw new Error(output.trim())
  } catch (error) {
    machine.say(`There is no ${TUN}, and it cannot be made (${messageOf(error)}).`)
  }
}
