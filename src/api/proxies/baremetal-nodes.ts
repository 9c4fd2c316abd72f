/** Bare metal nodes: Ironic is not asked here, and its commands never were Nova's. */
import { type Route, serve } from '#api/kernel/index.ts'
import { badRequest, Fault } from '#lib/fault.ts'
import { operation, t } from '#lib/versioned/index.ts'
import { ENDED } from './ended.ts'

const RULE = 'os_compute_api:os-baremetal-nodes'

const unsupported = () => {
  throw new Fault('notImplemented', 'The requested functionality is not supported.')
}

const instead = (command: string) => () => {
  throw badRequest(`Command Not supported. Please use Ironic command ${command} to perform this action.`)
}

const PATH = '/os-baremetal-nodes'

export const baremetalRoutes: readonly Route[] = [
  serve(operation({ ...ENDED, path: `GET ${PATH}`, policy: `${RULE}:list` }), unsupported),
  serve(operation({ ...ENDED, path: `GET ${PATH}/{id}`, policy: `${RULE}:show` }), unsupported),
  serve(operation({ ...ENDED, path: `POST ${PATH}`, body: t.anything }), instead('node-create')),
  serve(operation({ ...ENDED, path: `DELETE ${PATH}/{id}` }), instead('node-delete')),
  serve(
    operation({ ...ENDED, path: `POST ${PATH}/{id}/action`, action: 'add_interface', body: t.anything }),
    instead('port-create'),
  ),
  serve(
    operation({ ...ENDED, path: `POST ${PATH}/{id}/action`, action: 'remove_interface', body: t.anything }),
    instead('port-delete'),
  ),
]
