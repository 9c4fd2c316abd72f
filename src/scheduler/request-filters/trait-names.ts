/** Of OpenStack's standard traits, those that words of images lead to: a word that has none is no reason to ask for one. */

const words = (text: string): readonly string[] => text.split(' ')

/** Image formats with a trait `COMPUTE_IMAGE_TYPE_…`. */
export const IMAGE_TYPES = words('AKI AMI ARI ISO PLOOP QCOW2 RAW VDI VHD VHDX VMDK')

const BUSES = words('FDC IDE LXC SATA SCSI UML USB VIRTIO XEN')

/** Image properties with traits: what these begin with, and the words with which they may end. */
export const TRAITS_OF_PROPERTIES = [
  { property: 'hw_cdrom_bus', prefix: 'COMPUTE_STORAGE_BUS', words: BUSES },
  { property: 'hw_disk_bus', prefix: 'COMPUTE_STORAGE_BUS', words: BUSES },
  {
    property: 'hw_video_model',
    prefix: 'COMPUTE_GRAPHICS_MODEL',
    words: words('BOCHS CIRRUS GOP NONE QXL VGA VIRTIO VMVGA XEN'),
  },
  {
    property: 'hw_vif_model',
    prefix: 'COMPUTE_NET_VIF_MODEL',
    words: words(
      'E1000 E1000E IGB LAN9118 NE2K_PCI NETFRONT PCNET RTL8139 SPAPR_VLAN SRIOV VIRTIO VMXNET VMXNET3',
    ),
  },
  {
    property: 'hw_architecture',
    prefix: 'HW_ARCH',
    words: words(
      'AARCH64 ALPHA ARMV6 ARMV7 ARMV7B CRIS I686 IA64 LM32 M68K MICROBLAZE MICROBLAZEEL MIPS MIPS64 MIPS64EL ' +
        'MIPSEL OPENRISC PARISC PARISC64 PPC PPC64 PPC64LE PPCEMB PPCLE S390 S390X SH4 SH4EB SPARC SPARC64 ' +
        'UNICORE32 X86_64 XTENSA XTENSAEB',
    ),
  },
  {
    property: 'hw_emulation_architecture',
    prefix: 'COMPUTE_ARCH',
    words: words('AARCH64 MIPSEL PPC64LE RISCV64 S390X X86_64'),
  },
  {
    property: 'hw_viommu_model',
    prefix: 'COMPUTE_VIOMMU_MODEL',
    words: words('AUTO INTEL SMMUV3 VIRTIO'),
  },
] as const
