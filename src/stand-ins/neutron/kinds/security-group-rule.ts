/** Security group rules: what Neutron takes for one, and in which words it refuses the rest. */
import { parseCidr } from '../addresses.ts'
import {
  addressOrCidr,
  type Check,
  choice,
  type Input,
  integer,
  ipAddress,
  orNull,
  Refused,
  standardAttributes,
  uuid,
  textIn,
} from '../attributes.ts'
import type { OwnFields, SecurityGroupRuleDoc } from '../documents.ts'
import { change, getOwn, invalidInput, type Kind, newDocument, refuse } from '../kind.ts'
import { claim, insertDoc, ownerOf, removeDoc } from '../store.ts'
import { ruleFingerprint, ruleScope, securityGroup, viewRule } from './security-group.ts'

/** IANA's numbers of the protocols that Neutron knows by name. */
export const PROTOCOLS: Readonly<Record<string, number>> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  hopopt: 0,
  icmp: 1,
  icmpv6: 58,
  igmp: 2,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ipip: 4,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
}
const MAX_PROTOCOL = 255
const MAX_PORT = 65_535
const MAX_ICMP = 255

const protocol: Check = (value) => {
  if (value === null || value === '' || value === 'any') return null
  if (typeof value !== 'string' && typeof value !== 'number') return new Refused('not a protocol')
  const word = String(value).toLowerCase()
  if (word in PROTOCOLS) return word
  if (/^\d{1,3}$/.test(word) && Number(word) <= MAX_PROTOCOL) return String(Number(word))
  throw invalidInput(
    `Security group rule protocol ${word} not supported. Only protocol values [${Object.keys(PROTOCOLS).join(', ')}] and integer representations [0 to 255] are supported.`,
    'SecurityGroupRuleInvalidProtocol',
  )
}

const ethertype: Check = (value) => {
  const known = ['IPv4', 'IPv6'].find(
    (one) => typeof value === 'string' && one.toLowerCase() === value.toLowerCase(),
  )
  return known ?? new Refused(`'${String(value)}' is not in ['IPv4', 'IPv6']`)
}

const port = orNull(integer(-1, MAX_PORT))

/** An address is its own /32 or /128. Bits beyond the prefix are kept: `normalized_cidr` is without them. */
const prefix: Check = (value) => {
  const [address, bits] = String(value).split('/')
  const checked = addressOrCidr(value)
  if (typeof checked !== 'string') return checked
  const host = ipAddress(address)
  return `${String(host)}/${bits ?? (checked.includes(':') ? 128 : 32)}`
}

export const securityGroupRule: Kind<'security_group_rule'> = {
  kind: 'security_group_rule',
  singular: 'security_group_rule',
  plural: 'security_group_rules',
  path: 'security-group-rules',
  missing: (id) => ({
    type: 'SecurityGroupRuleNotFound',
    message: `Security group rule ${id} does not exist`,
  }),
  searchable: { security_group_id: 'parentIds' },
  attributes: {
    description: { check: standardAttributes['description']?.check ?? uuid, default: '' },
    project_id: { check: uuidOrText, default: undefined, update: false },
    security_group_id: { check: uuid, update: false },
    direction: { check: choice('ingress', 'egress'), update: false },
    ethertype: { check: ethertype, default: 'IPv4', update: false },
    protocol: { check: protocol, default: null, update: false },
    port_range_min: { check: port, default: null, update: false },
    port_range_max: { check: port, default: null, update: false },
    remote_ip_prefix: { check: orNull(prefix), default: null, update: false },
    remote_group_id: { check: orNull(uuid), default: null, update: false },
    remote_address_group_id: { check: onlyNull, default: null, update: false },
  },
  async create(work, input) {
    const group = await getOwn(work, securityGroup, textIn(input, 'security_group_id'))
    if (typeof input['remote_group_id'] === 'string')
      await getOwn(work, securityGroup, input['remote_group_id'])
    const {
      remote_address_group_id: _none,
      project_id: _project,
      description: _description,
      ...fields
    } = input
    checkRule(fields)
    const doc: SecurityGroupRuleDoc = {
      ...newDocument(work, { description: input['description'] }),
      project_id: group.project_id,
      ...(fields as unknown as OwnFields<SecurityGroupRuleDoc>),
    }
    await work.checkQuota('security_group_rule', doc.project_id)
    const fingerprint = ruleFingerprint(doc)
    if (!(await claim(work.db, ruleScope(group.id), fingerprint, doc.id))) {
      const holder = (await ownerOf(work.db, ruleScope(group.id), fingerprint)) ?? ''
      throw refuse('SecurityGroupRuleExists', `Security group rule already exists. Rule id is ${holder}.`)
    }
    await insertDoc(work.db, 'security_group_rule', doc)
    return doc
  },
  update: (work, current, changes) =>
    change(work, 'security_group_rule', current, changes as Partial<SecurityGroupRuleDoc>),
  remove: (work, current) => removeDoc(work.db, current.id),
  view: async (_db, docs) => docs.map(viewRule),
}

function uuidOrText(value: unknown): unknown {
  return typeof value === 'string' ? value : new Refused('not a valid string')
}

function onlyNull(value: unknown): unknown {
  return value === null ? null : new Refused('address groups are not supported')
}

function checkRule(rule: Input): void {
  const { ethertype, remote_ip_prefix: remote } = rule
  if (remote !== null && rule['remote_group_id'] !== null)
    throw invalidInput(
      'Only remote_ip_prefix or remote_group_id may be provided.',
      'SecurityGroupMultipleRemoteEntites',
    )
  const version = typeof remote === 'string' ? parseCidr(remote)?.version : undefined
  if (version !== undefined && `IPv${version}` !== ethertype)
    throw invalidInput(
      `Conflicting value ethertype ${String(ethertype)} for CIDR ${String(remote)}`,
      'SecurityGroupRuleParameterConflict',
    )
  const number = protocolNumber(rule['protocol'] as string | null)
  if (ethertype === 'IPv4' && [43, 44, 58, 59, 60].includes(number ?? -1))
    throw invalidInput(
      `Invalid ethertype ${ethertype} for protocol ${String(rule['protocol'])}.`,
      'SecurityGroupEthertypeConflictWithProtocol',
    )
  checkPorts(rule, number)
}

export const protocolNumber = (protocol: string | null): number | null =>
  protocol === null ? null : (PROTOCOLS[protocol] ?? Number(protocol))

const ICMP = [1, 58]
const WITH_PORTS = [6, 17, 33, 132, 136]

function checkPorts(rule: Input, protocol: number | null): void {
  const min = rule['port_range_min'] as number | null
  const max = rule['port_range_max'] as number | null
  if (min === null && max === null) return
  if (protocol === null)
    throw invalidInput(
      'Must also specify protocol if port range is given.',
      'SecurityGroupProtocolRequiredWithPorts',
    )
  if (ICMP.includes(protocol)) return checkIcmp(min, max)
  if (!WITH_PORTS.includes(protocol))
    throw invalidInput(
      `Port range is not allowed for protocol ${String(rule['protocol'])}.`,
      'SecurityGroupInvalidProtocolForPort',
    )
  for (const port of [min, max])
    if (port === null || port < 1)
      throw invalidInput(`Invalid value for port ${String(port)}`, 'SecurityGroupInvalidPortValue')
  if (min !== null && max !== null && min > max)
    throw invalidInput(
      'For TCP/UDP protocols, port_range_min must be <= port_range_max',
      'SecurityGroupInvalidPortRange',
    )
}

function checkIcmp(type: number | null, code: number | null): void {
  const fields = [
    ['port_range_min', 'type', type],
    ['port_range_max', 'code', code],
  ] as const
  for (const [attribute, field, value] of fields)
    if (value !== null && (value < 0 || value > MAX_ICMP))
      throw invalidInput(
        `Invalid value for ICMP ${field} (${attribute}) ${value}. It must be 0 to 255.`,
        'SecurityGroupInvalidIcmpValue',
      )
  if (type === null && code !== null)
    throw invalidInput(
      `ICMP code (port-range-max) ${code} is provided but ICMP type (port-range-min) is missing.`,
      'SecurityGroupMissingIcmpType',
    )
}
