/** The weighers by their names in `weight_classes`. */
import { namesOfClasses } from '../class-names.ts'
import { cpu, disk, ram } from './free.ts'
import { buildFailure, crossCell, hypervisorVersion } from './host.ts'
import { softAffinity, softAntiAffinity } from './server-group.ts'
import { imageProperties, ioOps, numInstances } from './servers.ts'
import type { Weigher } from './weigher.ts'

const BY_NAME: ReadonlyMap<string, Weigher> = new Map(
  [
    ram,
    cpu,
    disk,
    ioOps,
    numInstances,
    hypervisorVersion,
    imageProperties,
    softAffinity,
    softAntiAffinity,
    buildFailure,
    crossCell,
  ].map((each) => [each.name, each]),
)

const ALL = 'nova.scheduler.weights.all_weighers'

/** The weighers of these classes, and the classes that are no weigher here. */
export function weighersOf(classes: readonly string[]): {
  readonly weighers: readonly Weigher[]
  readonly unknown: readonly string[]
} {
  const { names, unknown } = namesOfClasses(classes, ALL, BY_NAME)
  return { weighers: [...names].flatMap((name) => BY_NAME.get(name) ?? []), unknown }
}
