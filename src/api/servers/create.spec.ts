/** What a create may look like, at each microversion. */
import {
  constant,
  during,
  list,
  listOr,
  object,
  oneOf,
  operation,
  required,
  since,
  t,
  until,
} from '#lib/versioned/index.ts'

const tag = t.string({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' })
/** Tags of devices came, went by accident, and came back. */
const networkTag = during({ '2.32..2.36': tag, '2.42..': tag })
const deviceTag = during({ '2.32..2.32': tag, '2.42..': tag })

const address = constant<string>({ type: 'string', oneOf: [{ format: 'ipv4' }, { format: 'ipv6' }] })

const network = object({
  fixed_ip: address,
  port: t.nullableString({ format: 'uuid' }),
  uuid: during({ '..2.36': t.string(), '2.37..': t.uuid }),
  tag: networkTag,
})

const oldDevice = {
  virtual_name: t.string({ maxLength: 255 }),
  volume_id: t.uuid,
  snapshot_id: t.uuid,
  volume_size: t.integer({ minimum: 1, maximum: 2_147_483_647 }),
  device_name: t.string({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._/-]*$' }),
  delete_on_termination: t.flag,
  no_device: t.anything,
  connection_info: t.string({ maxLength: 16_777_215 }),
}

export const blockDevice = object({
  ...oldDevice,
  source_type: t.enum('volume', 'image', 'snapshot', 'blank'),
  uuid: t.string({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' }),
  image_id: t.uuid,
  destination_type: t.enum('local', 'volume'),
  guest_format: t.string({ maxLength: 255 }),
  device_type: t.string({ maxLength: 255 }),
  disk_bus: t.string({ maxLength: 255 }),
  boot_index: constant<number | string | null>({
    type: ['integer', 'string', 'null'],
    pattern: '^-?[0-9]+$',
  }),
  tag: deviceTag,
  volume_type: since('2.67', t.nullableString({ minLength: 0, maxLength: 255 })),
})

const looseThenStrictName = during({ '..2.0': t.looseName, '2.1..': t.name })

const hints = object(
  {
    group: oneOf(list(t.uuid), t.uuid),
    different_host: oneOf(t.uuid, list(t.uuid)),
    same_host: constant<string | readonly string[]>({
      type: ['string', 'array'],
      items: { type: 'string', format: 'uuid' },
    }),
    query: constant<unknown>({ type: ['string', 'object'] }),
    target_cell: t.name,
    different_cell: constant<unknown>({ type: ['string', 'array'], items: { type: 'string' } }),
    build_near_host_ip: address,
    cidr: t.string({ pattern: '^/[0-9a-f.:]+$' }),
  },
  { additional: true },
)

const server = object({
  name: during({ '..2.0': required(t.looseName), '2.1..': required(t.name) }),
  imageRef: oneOf(t.uuid, constant<string>({ type: 'string', maxLength: 0 })),
  flavorRef: required(constant<string | number>({ type: ['string', 'integer'], minLength: 1 })),
  adminPass: t.string(),
  metadata: t.map('^[a-zA-Z0-9-_:. ]{1,255}$', t.string({ maxLength: 255 })),
  networks: during({ '..2.36': list(network), '2.37..': required(listOr(list(network), 'none', 'auto')) }),
  'OS-DCF:diskConfig': t.enum('AUTO', 'MANUAL'),
  accessIPv4: t.ipv4,
  accessIPv6: t.ipv6,
  personality: until('2.56', list(object({ path: t.string(), contents: t.string({ format: 'base64' }) }))),
  availability_zone: looseThenStrictName,
  block_device_mapping: list(object(oldDevice)),
  block_device_mapping_v2: list(blockDevice),
  config_drive: t.flag,
  key_name: looseThenStrictName,
  min_count: t.positive,
  max_count: t.positive,
  return_reservation_id: t.flag,
  security_groups: list(object({ name: looseThenStrictName })),
  user_data: during({
    '..2.0': t.nullableString({ format: 'base64', maxLength: 65_535 }),
    '2.1..': t.string({ format: 'base64', maxLength: 65_535 }),
  }),
  description: since('2.19', t.description),
  tags: since('2.52', constant<readonly string[]>({ type: 'array', items: tag.schemaAt(0), maxItems: 50 })),
  trusted_image_certificates: since(
    '2.63',
    constant<readonly string[] | null>({
      type: ['array', 'null'],
      minItems: 1,
      maxItems: 50,
      uniqueItems: true,
      items: { type: 'string', minLength: 1 },
    }),
  ),
  host: since('2.74', t.hostname),
  hypervisor_hostname: since('2.74', t.hostname),
  hostname: during({
    '2.90..2.93': t.string({
      minLength: 2,
      maxLength: 63,
      pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$',
    }),
    '2.94..': t.hostname,
  }),
})

export const createServer = operation({
  path: 'POST /servers',
  policy: 'os_compute_api:servers:create',
  status: 202,
  body: object({
    server: required(server),
    'os:scheduler_hints': hints,
    'OS-SCH-HNT:scheduler_hints': hints,
  }),
  behaviours: { descriptionFromName: '..2.18', volumesShared: '2.60..' },
})
