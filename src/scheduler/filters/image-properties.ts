/** Hosts that run what the image is made for: architecture, hypervisor type, VM mode, hypervisor version. */
import type { CandidateHost, SchedulingRequest } from '../request.ts'
import type { Filter } from './filter.ts'

const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  x86: 'i686',
  i386: 'i686',
  i486: 'i686',
  i586: 'i686',
}
const HYPERVISORS: Readonly<Record<string, string>> = { xapi: 'xen' }
const VM_MODES: Readonly<Record<string, string>> = { pv: 'xen', hv: 'hvm', baremetal: 'hvm' }

const canonical = (aliases: Readonly<Record<string, string>>, value: string): string =>
  aliases[value.toLowerCase()] ?? value.toLowerCase()

interface Wanted {
  readonly architecture: string | undefined
  readonly hypervisor: string | undefined
  readonly vmMode: string | undefined
}

/** Images of old say `architecture`, `hypervisor_type` and `vm_mode`. */
function wantedOf({ spec, config }: SchedulingRequest): Wanted {
  const { imageProperties: properties } = spec
  const architecture =
    properties.hw_architecture ??
    properties.architecture ??
    config.imagePropertiesDefaultArchitecture ??
    undefined
  const hypervisor = properties.img_hv_type ?? properties.hypervisor_type
  const vmMode = properties.hw_vm_mode ?? properties.vm_mode
  return {
    architecture: architecture && canonical(ARCHITECTURES, architecture),
    hypervisor: hypervisor && canonical(HYPERVISORS, hypervisor),
    vmMode: vmMode && canonical(VM_MODES, vmMode),
  }
}

function supports({ node }: CandidateHost, wanted: Wanted): boolean {
  if (Object.values(wanted).every((value) => value === undefined)) return true
  return node.supportedInstances.some(
    ([architecture, hypervisor, vmMode]) =>
      (wanted.architecture === undefined || canonical(ARCHITECTURES, architecture) === wanted.architecture) &&
      (wanted.hypervisor === undefined || canonical(HYPERVISORS, hypervisor) === wanted.hypervisor) &&
      (wanted.vmMode === undefined || canonical(VM_MODES, vmMode) === wanted.vmMode),
  )
}

const describe = ({ architecture, hypervisor, vmMode }: Wanted): string =>
  [architecture, hypervisor, vmMode].filter((value) => value !== undefined).join(' ')

/** `7002000` is 7.2.0. */
const versionNumber = (text: string): number => {
  const [major = 0, minor = 0, micro = 0] = text.split('.').map(Number)
  return major * 1_000_000 + minor * 1_000 + micro
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '!=': (a, b) => a !== b,
  '==': (a, b) => a === b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
}

/** `>=6.0,<8`. Text that is no condition is met by nobody. */
function meetsVersion(version: number, conditions: string): boolean {
  return conditions.split(',').every((condition) => {
    const [, operator = '', wanted = ''] = /^\s*(>=|<=|!=|==|>|<)\s*(\d+(?:\.\d+)*)\s*$/.exec(condition) ?? []
    return COMPARISONS[operator]?.(version, versionNumber(wanted)) ?? false
  })
}

export const imageProperties: Filter = {
  name: 'ImagePropertiesFilter',
  judge(request) {
    const wanted = wantedOf(request)
    const version = request.spec.imageProperties.img_hv_requested_version
    if (version === undefined && Object.values(wanted).every((value) => value === undefined)) return undefined
    return (host) => {
      if (!supports(host, wanted)) {
        const supported = host.node.supportedInstances.map((each) => each.join(' ')).join(', ')
        return `the image is for ${describe(wanted)}, the host runs ${supported || 'nothing that it tells of'}`
      }
      if (version === undefined || meetsVersion(host.node.hypervisorVersion, version)) return undefined
      return `the image wants a hypervisor version ${version}, the host has ${host.node.hypervisorVersion}`
    }
  },
  tell: (count, request) => {
    const wanted = describe(wantedOf(request))
    return `${count === 1 ? '1 does' : `${count} do`} not run what the image is made for${wanted && ` (${wanted})`}`
  },
}
