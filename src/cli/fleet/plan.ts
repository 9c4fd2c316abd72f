/** What a fleet on one machine consists of: its directories, ports, configuration files and processes, as data. */
import { join } from 'node:path'
import { SERVICE_PROJECT, type StateDir } from '../up/state-dir.ts'
import type { DriverName } from '../up/up-arguments.ts'

export interface FleetShape {
  readonly apis: number
  readonly conductors: number
  readonly schedulers: number
  /** Simulated hosts. */
  readonly computes: number
  /** A compute with real guests beside them. */
  readonly qemu: boolean
}

export const FULL_SHAPE: FleetShape = { apis: 2, conductors: 2, schedulers: 2, computes: 4, qemu: true }
export const SMALLEST_SHAPE: FleetShape = { apis: 1, conductors: 1, schedulers: 1, computes: 1, qemu: false }

/** One of ours: `kilonova COMMAND ARGS`. */
export interface OwnProcess {
  readonly name: string
  readonly args: readonly string[]
  /** Where it says that it is ready. */
  readonly readyUrl: string
  /** Those of one rank start together, the lowest first. */
  readonly rank: number
}

const HOST = '127.0.0.1'

/** Ports, from the first one on. */
const PORTS = [
  'api',
  'standIns',
  'placement',
  'console',
  'metadata',
  'rabbit',
  'epmd',
  'distribution',
] as const
const FIRST_HEALTH_PORT = 10

export type Ports = Readonly<Record<(typeof PORTS)[number], number>>

export const portsFrom = (first: number): Ports =>
  Object.fromEntries(PORTS.map((name, index) => [name, first + index])) as Ports

export interface FleetPlan {
  readonly ports: Ports
  readonly computeUrl: string
  readonly standInsUrl: string
  /** Name to text, in the configuration's folder. */
  readonly files: Readonly<Record<string, string>>
  readonly processes: readonly OwnProcess[]
}

export interface PlanOptions {
  readonly dir: StateDir
  readonly shape: FleetShape
  readonly driver: DriverName
  readonly firstPort: number
  readonly configDir: string
  /** A database's URL by its name. */
  readonly databaseUrl: (name: string) => string
  readonly transportUrl: (port: number) => string
}

const url = (port: number): string => `http://${HOST}:${port}`

export function planFleet(options: PlanOptions): FleetPlan {
  const ports = portsFrom(options.firstPort)
  const conf = (name: string): string => join(options.configDir, name)
  const files: Record<string, string> = {
    'nova.conf': novaConf(options, ports),
    'database.conf': `[database]\nconnection = ${options.databaseUrl('nova')}\nmax_pool_size = 5\nmax_overflow = 3\n`,
    'placement.conf': placementConf(options, ports),
  }
  const processes: OwnProcess[] = []
  const add = (name: string, rank: number, readyPort: number, args: readonly string[]): void => {
    processes.push({ name, rank, args, readyUrl: `${url(readyPort)}/ready` })
  }
  let healthPort = options.firstPort + FIRST_HEALTH_PORT
  const service = (command: string, name: string, own: string, more: readonly string[] = []): void => {
    files[`${name}.conf`] = own
    const shared = command === 'nova-compute' ? ['nova.conf'] : ['nova.conf', 'database.conf']
    const config = [...shared, `${name}.conf`].flatMap((file) => ['--config-file', conf(file)])
    add(name, 2, healthPort, [command, ...config, '--health-port', String(healthPort), ...more])
    healthPort += 1
  }
  const several = (command: string, count: number, more: readonly string[] = []): void => {
    for (let index = 1; index <= count; index += 1)
      service(command, `${command}-${index}`, `[DEFAULT]\nhost = control-${index}\n`, more)
  }
  const { shape } = options
  add('stand-ins', 0, ports.standIns, standInsArgs(options, ports, conf('nova.conf')))
  const placement = [
    'placement-api',
    '--config-file',
    conf('placement.conf'),
    '--port',
    String(ports.placement),
  ]
  add('placement-api', 1, ports.placement, placement)
  several('nova-api', shape.apis, ['--reuse-port'])
  several('nova-conductor', shape.conductors)
  several('nova-scheduler', shape.schedulers)
  service('nova-novncproxy', 'nova-novncproxy', '')
  service('nova-metadata', 'nova-metadata', '')
  for (let index = 1; index <= shape.computes; index += 1)
    service(
      'nova-compute',
      `nova-compute-fake-${index}`,
      computeConf(options, `fake-${index}`, 'fake.FakeDriver'),
    )
  if (shape.qemu && options.driver === 'qemu')
    service('nova-compute', 'nova-compute-qemu', computeConf(options, 'qemu', 'libvirt.LibvirtDriver'), [
      '--stop-guests',
    ])
  return { ports, computeUrl: `${url(ports.api)}/v2.1`, standInsUrl: url(ports.standIns), files, processes }
}

const authtoken = ({ dir }: PlanOptions, ports: Ports, user: string): string => `[keystone_authtoken]
www_authenticate_uri = ${url(ports.standIns)}/identity/v3
auth_url = ${url(ports.standIns)}/identity/v3
auth_type = password
username = ${user}
password = ${dir.state.passwords[user] ?? ''}
project_name = ${SERVICE_PROJECT}
user_domain_name = Default
project_domain_name = Default
`

/** What every service may know: computes have no database credentials. */
const novaConf = (options: PlanOptions, ports: Ports): string => `[DEFAULT]
transport_url = ${options.transportUrl(ports.rabbit)}
my_ip = ${HOST}
osapi_compute_listen = ${HOST}
osapi_compute_listen_port = ${ports.api}
metadata_listen = ${HOST}
metadata_listen_port = ${ports.metadata}
reserved_host_memory_mb = 0
shutdown_timeout = 10
[api]
glance_link_prefix = ${url(ports.standIns)}/image
[vnc]
novncproxy_host = ${HOST}
novncproxy_port = ${ports.console}
novncproxy_base_url = ${url(ports.console)}/vnc_auto.html
[neutron]
service_metadata_proxy = true
metadata_proxy_shared_secret = ${options.dir.state.metadataSecret}
${authtoken(options, ports, 'nova')}`

const placementConf = (options: PlanOptions, ports: Ports): string => `[placement_database]
connection = ${options.databaseUrl('placement')}
${authtoken(options, ports, 'placement')}`

const computeConf = ({ dir }: PlanOptions, host: string, driver: string): string => `[DEFAULT]
host = ${host}
compute_driver = ${driver}
state_path = ${join(dir.path, 'computes', host)}
resume_guests_state_on_host_boot = true
force_config_drive = true
`

const standInsArgs = ({ dir, driver }: PlanOptions, ports: Ports, config: string): readonly string[] => {
  const options = {
    'state-dir': dir.path,
    port: String(ports.standIns),
    'compute-url': `${url(ports.api)}/v2.1`,
    'placement-url': url(ports.placement),
    'config-file': config,
  }
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  return ['stand-ins', ...given, ...(driver === 'simulated' ? ['--simulated'] : [])]
}
