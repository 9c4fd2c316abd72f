/** The migrations of the set `nova`, in order. */
import type { Migration } from '#db/kit/index.ts'
import { nova } from './0001-nova.ts'

export const NOVA_MIGRATIONS: readonly Migration[] = [nova]
