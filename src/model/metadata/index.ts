/** What a guest learns about itself: one source, read over HTTP and written on config drives. */
export { configDriveFiles } from './config-drive.ts'
export { EC2_VERSIONS, ec2Tree, type Tree } from './ec2.ts'
export { OPENSTACK_VERSIONS, openstackFiles } from './openstack.ts'
export { type MetadataSource, taggedDisks } from './source.ts'
