/** Whether servers are in groups: most are not, and that is asked of each. */
import { askRows, gathered } from '#db/kit/index.ts'
import type { NovaDb } from './schema.ts'

/** Whether a server is in a group. */
export const isInServerGroup = gathered<NovaDb, string, boolean>({
  rank: 10,
  async one(db, instanceUuid) {
    const query = db.selectFrom('instance_group_member').select('id')
    return (await query.where('instance_uuid', '=', instanceUuid).executeTakeFirst()) !== undefined
  },
  async many(db, uuids) {
    const text = 'select instance_uuid from instance_group_member where instance_uuid = any($1::text[])'
    const rows = await askRows<{ instance_uuid: string }>(db, text, [uuids])
    const members = new Set(rows.map((row) => row.instance_uuid))
    return uuids.map((uuid) => members.has(uuid))
  },
})
