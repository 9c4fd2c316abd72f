/** What a server printed on its console. */
import { BusTimeout } from '#bus/port.ts'
import { getServer } from '#api/instances/index.ts'
import type { Answer, Call, Services } from '#api/kernel/index.ts'
import { computeContract, computeTopic } from '#contracts/compute.ts'
import { clientOf } from '#contracts/contract.ts'
import { conflict } from '#lib/fault.ts'
import { requireAllowed } from '#model/instance/index.ts'

const MAX_BYTES = 102_400

type Body = { readonly 'os-getConsoleOutput': { readonly length?: number | string | null | undefined } }

export async function consoleOutputOf(call: Call<Body, unknown, never>, services: Services): Promise<Answer> {
  const instance = await getServer(call, services, 'os_compute_api:os-console-output')
  requireAllowed('get_console_output', instance, call)
  const compute = clientOf(computeContract, computeTopic(instance.host ?? ''), services.bus)
  const asked = { instanceUuid: instance.uuid, maxBytes: MAX_BYTES }
  const answer = await compute.consoleOutput.call(asked, call.context.requestId).catch((error: unknown) => {
    // A host that does not answer has no console to show now.
    if (error instanceof BusTimeout)
      throw conflict(`Instance ${instance.uuid} is not ready`, { cause: error })
    throw error
  })
  const text = Buffer.from(answer.outputBase64, 'base64').toString('utf8')
  return { body: { output: printable(lastLines(text, call.body['os-getConsoleOutput'].length)) } }
}

/** The last `length` lines; all without a length, or with -1. */
function lastLines(text: string, length: number | string | null | undefined): string {
  const count = length == null ? -1 : Number(length)
  if (count === 0) return ''
  return count < 0 ? text : text.split('\n').slice(-count).join('\n')
}

/** Without the control characters that a terminal would act on; tab and new line stay. */
// oxlint-disable-next-line no-control-regex -- they are what is removed
const printable = (text: string): string => text.replaceAll(/[\x00-\x08\x0b-\x1f]/g, '')
