/** Shelved servers that have kept their hosts long enough (`shelved_offload_time`): they leave them. */
import { listShelved } from '#db/operation-subjects.ts'
import { beginSaga } from './begin-saga.ts'
import type { RepairTask } from './task.ts'

const LIMIT = 500
const OFFLOAD = { saga: 'offload-server', vmState: 'shelved', taskState: 'shelving_offloading' } as const

export const shelvedServers: RepairTask = {
  name: 'shelved servers',
  async run(world, log, { dryRun }) {
    const { shelvedOffloadMs } = world.config
    if (shelvedOffloadMs === 0) return { offloaded: 0 }
    const before = world.clock.now() - shelvedOffloadMs
    let offloaded = 0
    for (let after = 0; ; ) {
      const page = await listShelved(world.db, { after, limit: LIMIT })
      for (const { uuid, shelvedAt } of page) {
        if (!(shelvedAt < before)) continue
        log.info({ instance: uuid, dryRun }, 'a shelved server leaves its host')
        if (dryRun || (await beginSaga(world, uuid, OFFLOAD))) offloaded++
      }
      const last = page.at(-1)
      if (!last || page.length < LIMIT) break
      after = last.id
    }
    if (offloaded > 0 && !dryRun) world.nudge()
    return { offloaded }
  },
}
