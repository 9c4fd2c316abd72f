/** Removing a port, whoever asks: what it holds goes with it, and a floating IP loses its port. */
import type { PortDoc } from '../documents.ts'
import { listDocs, type NeutronDb, removeDoc, updateDoc } from '../store.ts'

export async function removePort(db: NeutronDb, port: PortDoc): Promise<void> {
  for (const floating of await listDocs(db, 'floatingip', { linkIds: [port.id] }))
    await updateDoc(
      db,
      'floatingip',
      floating,
      { port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN' },
      port.updated_at,
    )
  await removeDoc(db, port.id)
}
