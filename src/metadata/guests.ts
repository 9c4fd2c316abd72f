/**
 * Which guest asks. The metadata agent beside the network says so in headers and signs what it says
 * (HMAC-SHA256 of the instance's id with the shared secret), for a guest can send headers too.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { listBlockDevicesOf } from '#db/block-devices.ts'
import { findInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { Fault } from '#lib/fault.ts'
import type { BlockDevice, Instance } from '#model/instance/index.ts'
import type { MetadataDeps } from './metadata.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

export interface Guest {
  readonly instance: Instance
  readonly devices: readonly BlockDevice[]
}

export interface Guests {
  /** Throws 400 without the headers, 403 when the signature is wrong, 404 when there is no such guest. */
  find(headers: Headers): Promise<Guest>
  forget(uuid: string): void
}

/** Guests ask dozens of questions while they boot: their record is kept that long, for so many of them. */
const MAX_KEPT = 1_000

export function createGuests({ db, clock, config }: MetadataDeps): Guests {
  const kept = new Map<string, { readonly guest: Guest; readonly until: number }>()
  const nova = db.typed<NovaDb>()

  async function read(uuid: string): Promise<Guest | undefined> {
    const known = kept.get(uuid)
    if (known && known.until > clock.now()) return known.guest
    const instance = await findInstance(nova, uuid)
    kept.delete(uuid)
    if (!instance) return undefined
    const guest = { instance, devices: await listBlockDevicesOf(nova, uuid) }
    kept.set(uuid, { guest, until: clock.now() + config.cacheMs })
    const [oldest] = kept.keys()
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest)
    return guest
  }

  return {
    async find(headers) {
      const uuid = only(headers, 'x-instance-id')
      const projectId = only(headers, 'x-tenant-id')
      if (!isSigned(uuid, only(headers, 'x-instance-id-signature'), config.sharedSecret))
        throw new Fault('forbidden', 'Invalid proxy request signature.')
      const guest = await read(uuid)
      if (!guest || guest.instance.projectId !== projectId) throw new Fault('notFound', 'Not Found')
      return guest
    },
    forget: (uuid) => void kept.delete(uuid),
  }
}

/** A header that must be there once: of two, a guest may have sent one. */
function only(headers: Headers, name: string): string {
  const value = headers[name]
  if (typeof value !== 'string' || value === '')
    throw new Fault('badRequest', `${name} header is missing from request.`)
  if (value.includes(',')) throw new Fault('badRequest', `Multiple ${name} headers found within request.`)
  return value
}

function isSigned(uuid: string, signature: string, secret: string): boolean {
  if (secret === '') return false
  const expected = Buffer.from(createHmac('sha256', secret).update(uuid).digest('hex'))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}
