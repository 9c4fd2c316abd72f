/** Power states out of a compute's answers. */
import { POWER_STATES, type PowerState } from '#model/instance/index.ts'

const KNOWN: readonly number[] = Object.values(POWER_STATES)

export const isPowerState = (value: unknown): value is PowerState =>
  typeof value === 'number' && KNOWN.includes(value)

/** The `powerState` of a command's result; `otherwise` when the compute did not say. */
export const powerStateOf = (result: { readonly powerState?: unknown }, otherwise: PowerState): PowerState =>
  isPowerState(result.powerState) ? result.powerState : otherwise
