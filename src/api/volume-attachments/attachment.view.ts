/** How a volume of a server looks, at each microversion. */
import { shownSince, shownUntil, view } from '#lib/versioned/index.ts'
import type { BlockDevice } from '#model/instance/index.ts'

export const attachmentView = view<Omit<BlockDevice, 'id' | 'createdAt' | 'updatedAt'>, null>({
  id: shownUntil('2.88', (device) => device.volumeId),
  volumeId: (device) => device.volumeId,
  serverId: (device) => device.instanceUuid,
  device: (device) => device.deviceName ?? undefined,
  tag: shownSince('2.70', (device) => device.tag),
  delete_on_termination: shownSince('2.79', (device) => device.deleteOnTermination),
  attachment_id: shownSince('2.89', (device) => device.attachmentId),
  bdm_uuid: shownSince('2.89', (device) => device.uuid),
})

/** In the answer to an attach, which never told more than this. */
export const attachedView = view<Omit<BlockDevice, 'id' | 'createdAt' | 'updatedAt'>, null>({
  id: (device) => device.volumeId,
  volumeId: (device) => device.volumeId,
  serverId: (device) => device.instanceUuid,
  device: (device) => device.deviceName,
  tag: shownSince('2.70', (device) => device.tag),
  delete_on_termination: shownSince('2.79', (device) => device.deleteOnTermination),
})
