/** Paths of operations with the parameters that most likely mean something. */

/** What a path's parameter most likely means: the collection before it. */
const THINGS: Readonly<Record<string, string>> = {
  servers: '{{server}}',
  'os-volumes_boot': '{{server}}',
  flavors: '{{flavor}}',
  'os-keypairs': '{{keypair}}',
  'os-quota-sets': '{{project}}',
  'os-simple-tenant-usage': '{{project}}',
  'os-server-groups': '{{group}}',
  'os-aggregates': '{{aggregate}}',
  'os-hypervisors': '{{hypervisor}}',
  'os-services': '{{service}}',
  'os-instance-actions': '{{request}}',
  tags: 't',
  metadata: 'k',
}

/** What stands for a parameter, by the segment before it. */
export const thingAfter = (segment: string | undefined): string => THINGS[segment ?? ''] ?? '{{server}}'

/** A path with all its parameters named. */
export const likelyPath = (path: string): string =>
  path
    .split('/')
    .map((segment, index, all) => (segment.startsWith('{') ? thingAfter(all[index - 1]) : segment))
    .join('/')
