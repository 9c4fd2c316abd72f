/** Security groups, and each project's default one. */
import { flag, type Input, standardAttributes } from '../attributes.ts'
import type { SecurityGroupDoc, SecurityGroupRuleDoc } from '../documents.ts'
import { formatCidr, parseCidr } from '../addresses.ts'
import { change, type Kind, newDocument, refuse, type Work } from '../kind.ts'
import { forget, remembered } from '../remembered.ts'
import { claim, findDoc, insertDoc, listDocs, ownerOf, ownersIn, removeDoc } from '../store.ts'

/** Ports are claims on their groups, so that whether a group is in use is one look. */
export const groupUse = (groupId: string) => `group-use:${groupId}`

const DEFAULT = 'default'
const defaultScope = 'default-group'

export const securityGroup: Kind<'security_group'> = {
  kind: 'security_group',
  singular: 'security_group',
  plural: 'security_groups',
  path: 'security-groups',
  missing: (id) => ({ type: 'SecurityGroupNotFound', message: `Security group ${id} does not exist` }),
  attributes: { ...standardAttributes, stateful: { check: flag, default: true } },
  async create(work, input) {
    const base = newDocument(work, input)
    await ensureDefaultGroup(work, base.project_id)
    if (base.name === DEFAULT)
      throw refuse('SecurityGroupDefaultAlreadyExists', 'Default security group already exists.')
    await work.checkQuota('security_group', base.project_id)
    return insertGroup(work, { ...base, stateful: input['stateful'] === true }, EGRESS)
  },
  async update(work, current, changes) {
    if (current.name === DEFAULT && 'name' in changes)
      throw refuse('SecurityGroupCannotUpdateDefault', 'Updating default security group not allowed.')
    if (changes['name'] === DEFAULT)
      throw refuse('SecurityGroupDefaultAlreadyExists', 'Default security group already exists.')
    return change(work, 'security_group', current, changes as Partial<SecurityGroupDoc>)
  },
  async remove(work, current) {
    if (current.name === DEFAULT && !work.caller.isAdmin)
      throw refuse(
        'SecurityGroupCannotRemoveDefault',
        'Insufficient rights for removing default security group.',
      )
    if ((await ownersIn(work.db, groupUse(current.id))).length > 0)
      throw refuse('SecurityGroupInUse', `Security Group ${current.id} in use.`)
    for (const rule of await listDocs(work.db, 'security_group_rule', { projectIds: [current.project_id] }))
      if (rule.security_group_id === current.id || rule.remote_group_id === current.id)
        await removeDoc(work.db, rule.id)
    await removeDoc(work.db, current.id)
  },
  async view(db, docs) {
    const rules = await listDocs(db, 'security_group_rule', { parentIds: docs.map((doc) => doc.id) })
    const shown = rules.map((rule) => [rule.security_group_id, viewRule(rule)] as const)
    return docs.map((doc) => ({
      ...doc,
      shared: false,
      security_group_rules: shown.filter(([groupId]) => groupId === doc.id).map(([, rule]) => rule),
    }))
  },
}

export function viewRule({ name: _nameless, ...rule }: SecurityGroupRuleDoc): Record<string, unknown> {
  return {
    ...rule,
    remote_address_group_id: null,
    normalized_cidr: normalized(rule.remote_ip_prefix),
    tenant_id: rule.project_id,
  }
}

type RuleSeed = Pick<SecurityGroupRuleDoc, 'direction' | 'ethertype'> & { readonly fromGroup: boolean }

const EGRESS: readonly RuleSeed[] = [
  { direction: 'egress', ethertype: 'IPv4', fromGroup: false },
  { direction: 'egress', ethertype: 'IPv6', fromGroup: false },
]
const FROM_GROUP: readonly RuleSeed[] = [
  { direction: 'ingress', ethertype: 'IPv4', fromGroup: true },
  { direction: 'ingress', ethertype: 'IPv6', fromGroup: true },
]

async function insertGroup(
  work: Work,
  group: SecurityGroupDoc,
  seeds: readonly RuleSeed[],
): Promise<SecurityGroupDoc> {
  await insertDoc(work.db, 'security_group', group)
  for (const { direction, ethertype, fromGroup } of seeds) {
    const rule: SecurityGroupRuleDoc = {
      ...newDocument(work, { project_id: undefined }),
      description: null,
      project_id: group.project_id,
      security_group_id: group.id,
      direction,
      ethertype,
      protocol: null,
      port_range_min: null,
      port_range_max: null,
      remote_ip_prefix: null,
      remote_group_id: fromGroup ? group.id : null,
    }
    await claim(work.db, ruleScope(group.id), ruleFingerprint(rule), rule.id)
    await insertDoc(work.db, 'security_group_rule', rule)
  }
  return group
}

/** Equal rules of a group have equal fingerprints: the claim on it keeps a group free of duplicates. */
export const ruleScope = (groupId: string) => `rule:${groupId}`
export const ruleFingerprint = (rule: Omit<SecurityGroupRuleDoc, 'id'> | Input): string => {
  const fields = rule as Input
  const keys = [
    'direction',
    'ethertype',
    'protocol',
    'port_range_min',
    'port_range_max',
    'remote_ip_prefix',
    'remote_group_id',
  ]
  const remote = normalized((fields['remote_ip_prefix'] ?? null) as string | null)
  return JSON.stringify(keys.map((key) => (key === 'remote_ip_prefix' ? remote : (fields[key] ?? null))))
}

/** Of a checked prefix: `10.2.3.4/24` is kept as it was sent, and means `10.2.3.0/24`. */
function normalized(prefix: string | null): string | null {
  const cidr = prefix === null ? undefined : parseCidr(prefix)
  return cidr ? formatCidr(cidr) : null
}

/** The project's default group, made when it is first needed: all out, and in from the group itself. */
export async function ensureDefaultGroup(work: Work, projectId: string): Promise<SecurityGroupDoc> {
  const existing = await remembered(work.db, `default group of ${projectId}`, async () => {
    const known = await ownerOf(work.db, defaultScope, projectId)
    return known === undefined ? undefined : findDoc(work.db, 'security_group', known)
  })
  if (existing) return existing
  const group: SecurityGroupDoc = {
    ...newDocument(work, { name: DEFAULT, description: 'Default security group' }),
    project_id: projectId,
    stateful: true,
  }
  if (await claim(work.db, defaultScope, projectId, group.id))
    return insertGroup(work, group, [...EGRESS, ...FROM_GROUP])
  // Another transaction made it meanwhile.
  forget(work.db)
  return ensureDefaultGroup(work, projectId)
}
