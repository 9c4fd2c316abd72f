/** The routes of a server's volumes. */
import { getServer } from '#api/instances/index.ts'
import { limitOf, type Route, serve, type Services } from '#api/kernel/index.ts'
import type { NovaDb } from '#db/schema.ts'
import { notFound } from '#lib/fault.ts'
import { attach } from './attach.ts'
import { attachmentView } from './attachment.view.ts'
import * as spec from './attachments.spec.ts'
import { change, detach } from './change.ts'
import { volumesOf } from './devices.ts'

const RULE = 'os_compute_api:os-volumes-attachments'

export const volumeAttachmentRoutes = (services: Services): readonly Route[] => [
  serve(spec.listAttachments, async (call) => {
    const { uuid } = await getServer(call, services, `${RULE}:index`)
    const devices = await volumesOf(services.db.typed<NovaDb>(), uuid)
    const offset = Number(call.query.offset?.at(-1) ?? 0)
    const page = devices.slice(offset, offset + limitOf(call.query, services.config.maxLimit))
    const render = call.render(attachmentView)
    return { body: { volumeAttachments: page.map((device) => render(device, null)) } }
  }),

  serve(spec.showAttachment, async (call) => {
    const { uuid } = await getServer(call, services, `${RULE}:show`)
    const id = call.params['id'] ?? ''
    const devices = await volumesOf(services.db.typed<NovaDb>(), uuid)
    const device = devices.find(({ volumeId }) => volumeId === id)
    if (!device) throw notFound(`Instance ${uuid} is not attached to volume ${id}`)
    return { body: { volumeAttachment: call.render(attachmentView)(device, null) } }
  }),

  serve(spec.attachVolume, (call) => attach(call, services)),
  serve(spec.changeAttachment, (call) => change(call, services)),
  serve(spec.detachVolume, (call) => detach(call, services)),
]
