/** The config drive: the same metadata as files. */
import { EC2_VERSIONS, ec2Tree } from './ec2.ts'
import { OPENSTACK_VERSIONS, openstackFiles } from './openstack.ts'
import { contentName, type MetadataSource, userDataBytes } from './source.ts'

const LATEST = 'latest'
/** The EC2 versions that Nova writes. */
const EC2_WRITTEN = EC2_VERSIONS.slice(-1)

/** The files of a config drive by path. */
export function configDriveFiles(source: MetadataSource): Record<string, string | Buffer> {
  const files: Record<string, string | Buffer> = {}
  const userData = userDataBytes(source)
  for (const version of [...EC2_WRITTEN, LATEST]) {
    const tree = ec2Tree(source, version === LATEST ? (EC2_WRITTEN[0] ?? '') : version)
    files[`ec2/${version}/meta-data.json`] = JSON.stringify(tree)
    if (userData) files[`ec2/${version}/user-data`] = userData
  }
  for (const [index, { contents }] of source.files.entries())
    files[`openstack/${contentName(index)}`] = Buffer.from(contents, 'base64')
  const newest = OPENSTACK_VERSIONS.at(-1) ?? ''
  for (const version of [...OPENSTACK_VERSIONS, LATEST])
    for (const [name, content] of openstackFiles(source, version === LATEST ? newest : version))
      files[`openstack/${version}/${name}`] = content
  return files
}
