/** What a command needs of the machine, as a table: the Debian package, how to see that it is there, and what goes without. */

export interface Need {
  /** Debian's package. */
  readonly package: string
  /** There when any of these programs is found, or any of these files exists. */
  readonly programs?: readonly string[]
  readonly files?: readonly string[]
  /** What does not work without it. */
  readonly without: string
}

const GUESTS = 'no real guests: servers are simulated'
const NETWORKS = 'no networks of our own: guests have QEMU user networking'
const IMAGE = 'the small guest image cannot be built: the image tiny cannot boot'
const TESTS = 'the tests that need it fail'

/** For guests themselves. */
const VIRTUALIZATION: readonly Need[] = [
  { package: 'qemu-system-x86', programs: ['qemu-system-x86_64'], without: GUESTS },
  { package: 'qemu-utils', programs: ['qemu-img'], without: GUESTS },
  { package: 'genisoimage', programs: ['genisoimage', 'xorriso', 'mkisofs'], without: 'no config drives' },
]

/** For networks: used only with root. */
const NETWORKING: readonly Need[] = [
  { package: 'iproute2', programs: ['ip'], without: NETWORKS },
  { package: 'nftables', programs: ['nft'], without: NETWORKS },
  { package: 'dnsmasq-base', programs: ['dnsmasq'], without: NETWORKS },
  { package: 'haproxy', programs: ['haproxy'], without: 'no metadata at 169.254.169.254' },
]

/** For guest/build-tiny-image.sh: not needed once the image is built. */
const IMAGE_BUILDING: readonly Need[] = [
  { package: 'syslinux', programs: ['syslinux'], without: IMAGE },
  { package: 'syslinux-common', files: ['/usr/lib/syslinux/mbr/mbr.bin'], without: IMAGE },
  { package: 'mtools', programs: ['mcopy'], without: IMAGE },
  { package: 'dosfstools', programs: ['mkfs.fat'], without: IMAGE },
  { package: 'e2fsprogs', programs: ['mke2fs'], without: IMAGE },
  { package: 'kmod', programs: ['depmod'], without: IMAGE },
  { package: 'cpio', programs: ['cpio'], without: IMAGE },
  { package: 'gzip', programs: ['gzip'], without: IMAGE },
  { package: 'openssl', programs: ['openssl'], without: IMAGE },
]

const FLEET = 'services cannot run as processes of their own'

const SERVERS: readonly Need[] = [
  { package: 'postgresql', files: ['/usr/lib/postgresql'], without: FLEET },
  { package: 'rabbitmq-server', files: ['/usr/lib/rabbitmq/bin/rabbitmq-server'], without: FLEET },
]

const TESTING: readonly Need[] = [
  { package: 'postgresql', files: ['/usr/lib/postgresql'], without: TESTS },
  { package: 'rabbitmq-server', files: ['/usr/lib/rabbitmq/bin/rabbitmq-server'], without: TESTS },
  { package: 'python3-openstackclient', programs: ['openstack'], without: TESTS },
  {
    package: 'python3-osc-placement',
    files: ['/usr/lib/python3/dist-packages/osc_placement'],
    without: TESTS,
  },
  { package: 'chromium', programs: ['chromium'], without: TESTS },
  { package: 'systemd', programs: ['systemd-notify'], without: TESTS },
  { package: 'iputils-ping', programs: ['ping'], without: TESTS },
  { package: 'openssh-client', programs: ['ssh'], without: TESTS },
]

export const NEEDS = {
  guests: VIRTUALIZATION,
  networks: NETWORKING,
  image: IMAGE_BUILDING,
  fleet: SERVERS,
  test: TESTING,
} as const satisfies Readonly<Record<string, readonly Need[]>>
