/** How the services that answer requests collect their garbage. */
import { setFlagsFromString } from 'node:v8'

/**
 * Has the garbage collector work on its own thread alone. An answer leaves so little behind that this takes a third of a
 * millisecond; helpers would have to be woken first, and on a busy machine all wait until the last of them has had its turn.
 */
export const collectAlone = (): void => setFlagsFromString('--no-parallel-scavenge')
