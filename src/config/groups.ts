/** Every declared option, by group. */
import type { OptionDeclaration, OptionGroup, Values } from './declaration.ts'
import { api, cors, osloMiddleware, osloPolicy, wsgi } from './options/api.ts'
import { compute, devices, imageCache, pci, upgradeLevels, workarounds } from './options/compute.ts'
import { console, consoleauth, serialConsole, spice, vnc } from './options/consoles.ts'
import { apiDatabase, cache, database, placementDatabase } from './options/database.ts'
import { defaults } from './options/default.ts'
import { keyManager, keystoneAuthtoken, serviceUser } from './options/identity.ts'
import { libvirt } from './options/libvirt.ts'
import {
  conductor,
  notifications,
  osloConcurrency,
  osloMessagingNotifications,
  osloMessagingRabbit,
} from './options/messaging.ts'
import { cinder, glance, neutron, placement } from './options/neighbours.ts'
import { osloLimit, quota } from './options/quota.ts'
import { filterScheduler, scheduler } from './options/scheduler.ts'

export const GROUPS = {
  ...defaults,
  ...api,
  ...wsgi,
  ...cors,
  ...osloMiddleware,
  ...osloPolicy,
  ...compute,
  ...devices,
  ...imageCache,
  ...pci,
  ...workarounds,
  ...upgradeLevels,
  ...console,
  ...consoleauth,
  ...vnc,
  ...serialConsole,
  ...spice,
  ...database,
  ...apiDatabase,
  ...placementDatabase,
  ...cache,
  ...conductor,
  ...notifications,
  ...osloMessagingNotifications,
  ...osloMessagingRabbit,
  ...osloConcurrency,
  ...keystoneAuthtoken,
  ...serviceUser,
  ...keyManager,
  ...cinder,
  ...glance,
  ...neutron,
  ...placement,
  ...libvirt,
  ...quota,
  ...osloLimit,
  ...scheduler,
  ...filterScheduler,
}

/** The whole configuration, typed by its declarations: `config.DEFAULT.my_ip` is a string. */
export type Config = Values<typeof GROUPS>

const BY_NAME: ReadonlyMap<string, OptionGroup> = new Map(Object.entries(GROUPS))

/** The names of the declared groups. */
export const groupNames = (): readonly string[] => [...BY_NAME.keys()]

/** A group's declarations; empty for a group that is not declared. */
export const optionsOf = (group: string): OptionGroup => BY_NAME.get(group) ?? {}

/** The declaration of `group.name`, if there is one. */
export function declared(group: string, name: string): OptionDeclaration | undefined {
  const options = optionsOf(group)
  return Object.hasOwn(options, name) ? options[name] : undefined
}
