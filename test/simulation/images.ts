/** Images whose guests misbehave in ways of their own, and a Glance that knows them. */
import { Readable } from 'node:stream'
import type { Image } from '#model/image/index.ts'
import type { Images } from '#neighbours/images/port.ts'

const imageOf = (number: number, name: string, misbehaviour: Readonly<Record<string, string>>): Image => ({
  id: `1a6e0000-0000-4000-8000-${String(number).padStart(12, '0')}`,
  name,
  status: 'active',
  visibility: 'public',
  owner: 'project',
  diskFormat: 'raw',
  containerFormat: 'bare',
  size: 1,
  virtualSize: 1,
  minDiskGb: 0,
  minRamMb: 0,
  checksum: null,
  osHashAlgo: null,
  osHashValue: null,
  properties: Object.fromEntries(
    Object.entries(misbehaviour).map(([key, value]) => [`kilonova_sim_${key}`, value]),
  ),
})

const ALL = [
  imageOf(1, 'good', {}),
  imageOf(2, 'slow', { spawn_ms: '4000', stop_ms: '3000', start_ms: '2000', destroy_ms: '2500' }),
  imageOf(3, 'fails on one host', { fail: 'spawn', fail_times: '1' }),
  imageOf(4, 'fails on every host', { fail: 'spawn' }),
  imageOf(5, 'refused', { fail: 'spawn', fail_kind: 'refused' }),
  imageOf(6, 'ignores the power button', { acpi: 'ignore' }),
  imageOf(7, 'ends by itself', { power_off_ms: '30000' }),
  imageOf(8, 'is hard to remove', { fail: 'destroy', fail_times: '1', destroy_ms: '500' }),
  imageOf(9, 'fails its power', { fail: 'start,stop,reboot', fail_times: '1', reboot_ms: '1500' }),
] as const

/** The good one is the commonest. */
export const IMAGE_IDS: readonly string[] = [
  ...ALL.map(({ id }) => id),
  ...Array.from({ length: 8 }, () => ALL[0].id),
]

export const imageNamed = (id: string): string => ALL.find((image) => image.id === id)?.name ?? id

const unasked = () => Promise.reject(new Error('nobody makes images in a simulation'))

export const images: Images = {
  find: async (id) => ALL.find((image) => image.id === id),
  findAsService: async (id) => ALL.find((image) => image.id === id),
  download: async () => Readable.from([]),
  create: unasked,
  upload: unasked,
  remove: unasked,
  listByProperties: unasked,
}
