/** How alike the servers of hosts are to a request, by the properties of their images: dear to ask, and asked only where it weighs. */
import type { SchedulerConfig } from './config.ts'
import { decimalOf } from './number-text.ts'
import type { CandidateHost, SchedulingRequest } from './request.ts'

/** What is noted of the servers on hosts. */
export type NotesOn = (
  hosts: readonly string[],
) => Promise<readonly { readonly host: string; readonly notes: Readonly<Record<string, string>> }[]>

/** Properties that mean something to Nova, by how their names begin: others are their owner's. */
const KNOWN = /^(hw|img|os)_/
const NOTED = 'image_'

/** What each property counts: `os_distro=10,hw_machine_type=1`; those that are not listed, nothing. All 1 when none is listed. */
function ratiosOf(setting: readonly string[]): (property: string) => number {
  if (setting.length === 0) return () => 1
  const ratios = new Map(
    setting.map((pair) => {
      const [name = '', ratio = ''] = pair.split('=', 2)
      return [name.trim(), decimalOf(ratio) ?? 0] as const
    }),
  )
  return (property) => ratios.get(property) ?? 0
}

/** The properties by which hosts are compared with the request, and what each counts; undefined when they do not weigh. */
function comparedOf(
  imageProperties: Readonly<Record<string, string>>,
  config: SchedulerConfig,
): readonly { readonly note: string; readonly value: string; readonly ratio: number }[] | undefined {
  if (config.imagePropsWeightMultiplier === 0) return undefined
  const ratio = ratiosOf(config.imagePropsWeightSetting)
  const compared = Object.entries(imageProperties)
    .filter(([name]) => KNOWN.test(name))
    .map(([name, value]) => ({ note: NOTED + name, value, ratio: ratio(name) }))
    .filter(({ ratio: counts }) => counts !== 0)
  return compared.length === 0 ? undefined : compared
}

/** The hosts with their likeness to the request. One question to the database at most, about what these hosts hold. */
export async function withLikeness(
  hosts: readonly CandidateHost[],
  { spec, config }: SchedulingRequest,
  notesOn: NotesOn,
): Promise<readonly CandidateHost[]> {
  const compared = comparedOf(spec.imageProperties, config)
  if (!compared || hosts.length === 0) return hosts
  const sums = new Map<string, number>()
  for (const { host, notes } of await notesOn(hosts.map(({ node }) => node.host)))
    for (const { note, value, ratio } of compared)
      if (notes[note] === value) sums.set(host, (sums.get(host) ?? 0) + ratio)
  return hosts.map((host) => ({ ...host, likeness: sums.get(host.node.host) ?? 0 }))
}
