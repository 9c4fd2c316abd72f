/** The migrations of the set `nova`, in order. */
import type { Migration } from '#db/kit/index.ts'
import { nova } from './0001-nova.ts'
import { operations } from './0002-operations.ts'
import { migrations } from './0003-migrations.ts'
import { serverGroups } from './0004-server-groups.ts'
import { serviceProcesses } from './0005-service-processes.ts'
import { archivedRows } from './0006-archived-rows.ts'
import { usageIndex } from './0007-usage-index.ts'
import { volumeTypes } from './0008-volume-types.ts'
import { failedBuilds } from './0009-failed-builds.ts'

export const NOVA_MIGRATIONS: readonly Migration[] = [
  nova,
  operations,
  migrations,
  serverGroups,
  serviceProcesses,
  archivedRows,
  usageIndex,
  volumeTypes,
  failedBuilds,
]
