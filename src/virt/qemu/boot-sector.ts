/** A boot sector that does one thing: writes a byte to the debug exit port, which ends QEMU with a known code. */

export const EXIT_PORT = 0xf4
const SECTOR_BYTES = 512

/** What QEMU exits with after the sector has run: (value << 1) | 1. */
export const SECTOR_EXIT_CODE = 33

// mov al, 0x10; out 0xf4, al; cli; hlt; jmp to the hlt
const CODE = [0xb0, 0x10, 0xe6, EXIT_PORT, 0xfa, 0xf4, 0xeb, 0xfd] as const

export function bootSector(): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES)
  sector.set(CODE, 0)
  sector.set([0x55, 0xaa], SECTOR_BYTES - 2)
  return sector
}
