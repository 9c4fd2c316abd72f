/** The neighbours of a small cloud: a Placement, a Neutron and a compute that keep what they are told in maps. */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Bus } from '#bus/port.ts'
import type { Command } from '#contracts/compute.ts'
import { CONDUCTOR_TOPIC, type CommandOutcome, conductorContract } from '#contracts/conductor.ts'
import { clientOf } from '#contracts/contract.ts'
import { conflict } from '#lib/fault.ts'
import type { Networks, PortRequest } from '#neighbours/networks/port.ts'
import type { AllocationRequest, PlacementClient } from '#neighbours/placement/port.ts'
import type { Image } from '#model/image/index.ts'
import { vifWith } from './contract/fixtures.ts'
import { imageOf } from './contract/virt-driver.ts'

/** Called with a name before and after each thing that happens outside of the database: a test may strike there. */
export type Observer = (event: string) => Promise<void> | void

const refused = (what: string) => async (): Promise<never> => {
  throw new Error(`the small cloud has no ${what}`)
}

/** Room for `slots` guests on each provider. */
export class SmallPlacement implements PlacementClient {
  readonly allocations = new Map<string, AllocationRequest>()
  readonly #happens: Observer
  readonly #slots: number

  constructor(slots: number, happens: Observer) {
    this.#slots = slots
    this.#happens = happens
  }

  async usagesOf(): Promise<Readonly<Record<string, number>>> {
    const amounts: Record<string, number> = {}
    for (const { resources } of [...this.allocations.values()].flatMap((one) => Object.values(one)))
      for (const [name, amount] of Object.entries(resources)) amounts[name] = (amounts[name] ?? 0) + amount
    return amounts
  }

  #usersOf(provider: string): string[] {
    return [...this.allocations]
      .filter(([, allocations]) => provider in allocations)
      .map(([consumer]) => consumer)
  }

  isFull(provider: string): boolean {
    return this.#usersOf(provider).length >= this.#slots
  }

  async claim({ instanceUuid }: { instanceUuid: string }, allocations: AllocationRequest): Promise<boolean> {
    await this.#happens('before claim')
    const held = this.allocations.get(instanceUuid)
    if (held && !isDeepStrictEqual(held, allocations))
      throw conflict(`${instanceUuid} holds resources already`)
    const full = Object.keys(allocations).some(
      (provider) => this.#usersOf(provider).filter((user) => user !== instanceUuid).length >= this.#slots,
    )
    if (!full) this.allocations.set(instanceUuid, allocations)
    await this.#happens('after claim')
    return !full
  }

  claimAll = refused('claims of several')

  async move(from: { instanceUuid: string }, to: { instanceUuid: string }): Promise<void> {
    await this.#happens('before move of resources')
    const held = this.allocations.get(from.instanceUuid)
    if (held) {
      if (this.allocations.has(to.instanceUuid)) throw conflict(`${to.instanceUuid} holds resources already`)
      this.allocations.delete(from.instanceUuid)
      this.allocations.set(to.instanceUuid, held)
    }
    await this.#happens('after move of resources')
  }

  async release(instanceUuid: string): Promise<void> {
    await this.#happens('before release of resources')
    this.allocations.delete(instanceUuid)
    await this.#happens('after release of resources')
  }

  async allocationsOf(instanceUuid: string): Promise<AllocationRequest> {
    return this.allocations.get(instanceUuid) ?? {}
  }

  async allocationsOn(provider: string) {
    return Object.fromEntries(
      this.#usersOf(provider).map((user) => [
        user,
        this.allocations.get(user)?.[provider] ?? { resources: {} },
      ]),
    )
  }

  syncProvider = refused('provider sync')
  candidates = refused('candidates')
  traitsOf = refused('traits')
  changeAggregates = refused('aggregates')
  removeProvider = refused('removal of a provider')
}

/** Images by their ids, newest first. */
export class SmallImages {
  readonly ids = new Set<string>()
  readonly #happens: Observer

  constructor(happens: Observer) {
    this.#happens = happens
  }

  async remove(id: string): Promise<void> {
    await this.#happens('before removal of image')
    this.ids.delete(id)
  }

  async listByProperties(): Promise<Image[]> {
    return [...this.ids].map((id) => ({ ...imageOf(Buffer.alloc(0)), id }))
  }
}

interface SmallPort {
  readonly id: string
  readonly networkId: string
  /** The owner made it, not Nova. */
  readonly preexisting: boolean
  deviceId: string
  host: string | null
}

export class SmallNetworks implements Networks {
  readonly #ports = new Map<string, SmallPort>()
  readonly #happens: Observer

  constructor(happens: Observer) {
    this.#happens = happens
  }

  addPort(id: string, networkId: string): void {
    this.#ports.set(id, { id, networkId, preexisting: true, deviceId: '', host: null })
  }

  all(): readonly Readonly<SmallPort>[] {
    return [...this.#ports.values()]
  }

  async allocate(
    { instanceUuid, host }: { instanceUuid: string; host: string },
    requests: readonly PortRequest[],
  ) {
    await this.#happens('before ports')
    const vifs = []
    for (const { portId, networkId } of requests) {
      const own = this.all().find(
        (port) => port.deviceId === instanceUuid && port.networkId === networkId && !port.preexisting,
      )
      const id = portId ?? own?.id ?? randomUUID()
      const port = this.#ports.get(id) ?? { id, networkId, preexisting: false, deviceId: instanceUuid, host }
      this.#ports.set(id, Object.assign(port, { deviceId: instanceUuid, host }))
      vifs.push({ ...vifWith('10.0.0.9'), id, preexisting: port.preexisting })
      await this.#happens('between ports')
    }
    await this.#happens('after ports')
    return vifs
  }

  async attach(owner: { instanceUuid: string; host: string }, { portId, networkId }: PortRequest) {
    const id = portId ?? randomUUID()
    const made = { id, networkId, preexisting: false, deviceId: owner.instanceUuid, host: owner.host }
    const port = this.#ports.get(id) ?? made
    this.#ports.set(id, Object.assign(port, { deviceId: owner.instanceUuid, host: owner.host }))
    return { ...vifWith('10.0.0.9'), id, preexisting: port.preexisting }
  }

  async detach(portId: string, { keep }: { keep: boolean }): Promise<void> {
    await this.#happens('before detach of port')
    const port = this.#ports.get(portId)
    if (port && keep) Object.assign(port, { deviceId: '', host: null })
    else this.#ports.delete(portId)
    await this.#happens('after detach of port')
  }

  async release(instanceUuid: string, keepPortIds: readonly string[]): Promise<void> {
    await this.#happens('before release of ports')
    for (const port of this.#ports.values()) {
      if (port.deviceId !== instanceUuid) continue
      if (keepPortIds.includes(port.id)) Object.assign(port, { deviceId: '', host: null })
      else this.#ports.delete(port.id)
    }
    await this.#happens('after release of ports')
  }

  async ports(instanceUuid: string) {
    const own = this.all().filter((port) => port.deviceId === instanceUuid)
    const details = {
      projectId: 'p',
      macAddress: '',
      fixedIps: [],
      deviceOwner: 'compute:nova',
      status: 'ACTIVE',
      securityGroupIds: [],
    }
    return own.map((port) => ({
      ...details,
      ...port,
      bindingHost: port.host,
      vifType: 'bridge',
      vnicType: 'normal',
    }))
  }

  available = refused('networks')
  visible = refused('networks')
  findNetworks = refused('networks')
  findPort = refused('ports to find')
  securityGroups = refused('security groups')
  portsLeft = refused('port quota')
  vifs = refused('interfaces')
  securityGroupsOf = refused('security groups')
}

/** A host with its guests. It does each command once at least, one at a time, and answers over the bus. */
export class SmallCompute {
  readonly guests = new Set<string>()
  readonly did: { kind: string; instanceUuid: string; args: Record<string, unknown> }[] = []
  /** What it answers instead of doing it; undefined: does it. */
  misbehave: (command: Command) => CommandOutcome | 'silence' | undefined = () => undefined
  readonly #host: string
  readonly #conductor: ReturnType<typeof clientOf<typeof conductorContract>>
  readonly #happens: Observer
  readonly #outcomes = new Map<string, CommandOutcome>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(host: string, bus: Bus, happens: Observer) {
    this.#host = host
    this.#conductor = clientOf(conductorContract, CONDUCTOR_TOPIC, bus)
    this.#happens = happens
  }

  /** A hint came: the command, if it is still wanted, is done in its turn. */
  hint(commandId: string): void {
    this.#inTurn(async () => {
      const wanted = (await this.#pending()).find(({ id }) => id === commandId)
      if (wanted) await this.#work(wanted)
    })
  }

  #inTurn(work: () => Promise<void>): void {
    this.#last = this.#last.then(work).catch(() => undefined)
  }

  #pending(): Promise<Command[]> {
    return this.#conductor.pendingCommands.call({ host: this.#host }, 'req-pending')
  }

  /** What a compute does when it starts, and when it returns: unfinished commands, and guests that are not its own. */
  async recover(): Promise<void> {
    const host = this.#host
    for (const command of await this.#pending()) this.#inTurn(() => this.#work(command))
    await this.#last
    const expected = await this.#conductor.expectedGuests.call(
      { host, uuids: [...this.guests] },
      'req-recover',
    )
    for (const guest of expected) if (guest.deleted) this.guests.delete(guest.uuid)
  }

  async idle(): Promise<void> {
    await this.#last
  }

  async #work(command: Command): Promise<void> {
    const known = this.#outcomes.get(command.id)
    const outcome = known ?? (await this.#perform(command))
    if (outcome === 'silence') return
    this.#outcomes.set(command.id, outcome)
    await this.#happens('before outcome')
    await this.#conductor.commandDone.call(
      { commandId: command.id, host: this.#host, outcome },
      command.requestId,
    )
    await this.#happens('after outcome')
  }

  async #perform(command: Command): Promise<CommandOutcome | 'silence'> {
    const { kind, instanceUuid, args } = command
    await this.#happens(`before ${kind}`)
    const instead = this.misbehave(command)
    if (instead) return instead
    this.did.push({ kind, instanceUuid, args })
    if (kind === 'build') this.guests.add(instanceUuid)
    if (kind === 'destroy') this.guests.delete(instanceUuid)
    await this.#happens(`after ${kind}`)
    return { ok: true, result: {} }
  }
}
