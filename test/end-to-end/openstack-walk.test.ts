/** The newcomer's walk on an all-in-one. */
import { startCloudProcess } from './cloud-process.ts'
import { openstackWalk } from './openstack-walk.ts'

openstackWalk({ start: (stateDir) => startCloudProcess(stateDir), guests: 'instances' })
