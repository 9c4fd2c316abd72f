/** Rulesets of guests: whatever rules and ports the API takes, nft takes too, and nobody is forgotten. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import type { PortDoc, SecurityGroupRuleDoc } from '../documents.ts'
import { PROTOCOLS } from '../kinds/security-group-rule.ts'
import { findTools } from './commands.ts'
import { type GuestRules, guestRuleset } from './guest-rules.ts'

const GROUP = '11111111-1111-4111-8111-111111111111'
const stored = {
  project_id: 'p',
  name: '',
  description: '',
  tags: [],
  revision_number: 1,
  created_at: '',
  updated_at: '',
}

const port = (id: string, more: Partial<PortDoc> = {}): PortDoc => ({
  ...stored,
  id,
  network_id: 'n',
  admin_state_up: true,
  mac_address: 'fa:16:3e:00:00:01',
  fixed_ips: [
    { subnet_id: 's4', ip_address: '10.0.0.5' },
    { subnet_id: 's6', ip_address: 'fd00::5' },
  ],
  device_id: 'd',
  device_owner: 'compute:nova',
  security_groups: [GROUP],
  allowed_address_pairs: [],
  port_security_enabled: true,
  dns_name: '',
  status: 'ACTIVE',
  'binding:host_id': 'h',
  'binding:vnic_type': 'normal',
  'binding:profile': {},
  'binding:vif_type': 'bridge',
  'binding:vif_details': {},
  ...more,
})

const input = (more: Partial<GuestRules> = {}): GuestRules => ({
  table: 'kn_rules_test',
  prefix: 'knffff',
  bridges: [{ name: 'knffffb1', zone: 1 }],
  ports: [],
  strays: [],
  rules: [],
  members: [],
  hiddenRanges: ['172.24.4.0/24'],
  guardedUplinks: ['eth0'],
  ...more,
})

/** What nft says against a ruleset, without applying it; only root is told. */
function complaint(ruleset: string): string {
  const tools = findTools()
  if (process.getuid?.() !== 0 || 'missing' in tools) return ''
  return spawnSync(tools.nft, ['-c', '-f', '-'], { input: ruleset, encoding: 'utf8' }).stderr
}

type Ranged = readonly [number | null, number | null]
const PORTS: readonly Ranged[] = [
  [null, null],
  [1, 65_535],
  [22, 22],
  [1024, 2048],
]
const ICMP: readonly Ranged[] = [
  [null, null],
  [0, null],
  [8, 0],
  [255, 255],
]

const rangesOf = (protocol: string | null): readonly Ranged[] => {
  const number = protocol === null ? undefined : (PROTOCOLS[protocol] ?? Number(protocol))
  if (number === 1 || number === 58) return ICMP
  return [6, 17, 33, 132, 136].includes(number ?? -1) ? PORTS : [[null, null]]
}

/** Every form of rule that the API lets in. */
function everyRule(): SecurityGroupRuleDoc[] {
  const rules: SecurityGroupRuleDoc[] = []
  for (const ethertype of ['IPv4', 'IPv6'] as const)
    for (const direction of ['ingress', 'egress'] as const)
      for (const protocol of [null, ...Object.keys(PROTOCOLS), '0', '1', '255'])
        for (const [port_range_min, port_range_max] of rangesOf(protocol))
          for (const remote of ethertype === 'IPv4'
            ? [null, '10.0.0.0/8', '0.0.0.0/0', GROUP]
            : [null, 'fd00::/8', '::/0', GROUP])
            rules.push({
              ...stored,
              id: String(rules.length),
              security_group_id: GROUP,
              direction,
              ethertype,
              protocol,
              port_range_min,
              port_range_max,
              remote_ip_prefix: remote === GROUP ? null : remote,
              remote_group_id: remote === GROUP ? GROUP : null,
            })
  return rules
}

const PAIRS = ['0.0.0.0/0', '10.0.0.0/24', '10.0.0.5', '::/0', 'fd00::/64', 'fd00::7'].flatMap((ip_address) =>
  ['fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'].map((mac_address) => ({ ip_address, mac_address })),
)

const EVERY_PORT = [
  port('aaaaaaaa-0000-4000-8000-000000000000'),
  port('bbbbbbbb-0000-4000-8000-000000000000', { allowed_address_pairs: PAIRS }),
  port('cccccccc-0000-4000-8000-000000000000', { port_security_enabled: false, security_groups: [] }),
  port('dddddddd-0000-4000-8000-000000000000', { fixed_ips: [], security_groups: [] }),
  port('eeeeeeee-0000-4000-8000-000000000000', { admin_state_up: false }),
]
const numbered = (ports: readonly PortDoc[]) => ports.map((one, i) => ({ port: one, number: i + 1 }))

describe('the guests’ ruleset', () => {
  it('is one that nft takes, for every kind of rule and port, and for none', () => {
    const full = input({
      ports: numbered(EVERY_PORT),
      members: EVERY_PORT,
      rules: everyRule(),
      strays: ['vnet0'],
    })
    assert.equal(complaint(guestRuleset(full)), '')
    assert.equal(complaint(guestRuleset(input({ bridges: [], hiddenRanges: [] }))), '')
  })

  it('drops whatever comes from or goes to a device nobody knows, or a port that is down', () => {
    const ruleset = guestRuleset(input({ ports: numbered(EVERY_PORT), strays: ['vnet0'] }))
    for (const device of ['vnet0', 'tapeeeeeeee-00'])
      assert.equal(ruleset.split(`"${device}" : drop`).length - 1, 2, `${device} both ways`)
    assert.match(ruleset, /chain egress0 \{\n([^\n]+\n)*drop\n\}/)
    assert.match(ruleset, /chain to \{\n[^\n]*\ndrop\n\}/)
  })

  it('takes the members of a group from all ports, theirs with a pair too', () => {
    const away = port('ffffffff-0000-4000-8000-000000000000', {
      fixed_ips: [{ subnet_id: 's4', ip_address: '10.0.7.7' }],
      allowed_address_pairs: [{ ip_address: '10.0.9.0/28', mac_address: 'fa:16:3e:00:00:09' }],
    })
    const rules = everyRule().filter((rule) => rule.remote_group_id === GROUP && rule.ethertype === 'IPv4')
    const ruleset = guestRuleset(input({ ports: numbered(EVERY_PORT.slice(0, 1)), members: [away], rules }))
    assert.match(ruleset, /elements = \{ 10\.0\.7\.7, 10\.0\.9\.0\/28 \}/)
  })
})
