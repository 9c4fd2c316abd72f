/**
 * The smallest guests there are: a boot sector that prints to the serial line, then halts or powers off.
 * They boot in a fraction of a second under emulation and need no image.
 */

/** The BIOS boots from no disk smaller than a cylinder. */
const DISK_BYTES = 1024 * 1024
const TEXT_OFFSET = 40

export const BOOT_TEXT = 'kilonova boot sector\r\n'

const PRINT = [
  0xfc, // cld
  0x31,
  0xc0, // xor ax, ax
  0x8e,
  0xd8, // mov ds, ax
  0xbe,
  TEXT_OFFSET,
  0x7c, // mov si, 0x7c00 + TEXT_OFFSET
  0xba,
  0xf8,
  0x03, // mov dx, 0x3f8
  0xac, // lodsb
  0x84,
  0xc0, // test al, al
  0x74,
  0x03, // jz out of the loop
  0xee, // out dx, al
  0xeb,
  0xf8, // jmp lodsb
]

const ENDINGS = {
  /** Sleeps for ever, deaf to the power button. */
  halt: [0xfa, 0xf4, 0xeb, 0xfd], // cli; hlt; jmp hlt
  /** Powers off by ACPI, as `pc` has it at port 0x604. */
  off: [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xfa, 0xf4, 0xeb, 0xfd], // mov dx, 0x604; mov ax, 0x2000; out dx, ax; cli; hlt
  /** Prints each byte that comes by the serial line. */
  echo: [0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf8, 0xba, 0xf8, 0x03, 0xec, 0xee, 0xeb, 0xf1], // mov dx, 0x3fd; in al, dx; test al, 1; jz; mov dx, 0x3f8; in al, dx; out dx, al; jmp
  /** Prints its text again and again. */
  chatter: [0xeb, 0xeb], // jmp start
} as const

/** A raw disk image. */
export function bootDisk(ending: keyof typeof ENDINGS = 'halt'): Buffer {
  const disk = Buffer.alloc(DISK_BYTES)
  disk.set([...PRINT, ...ENDINGS[ending]], 0)
  disk.write(`${BOOT_TEXT}\0`, TEXT_OFFSET, 'latin1')
  disk.set([0x55, 0xaa], 510)
  return disk
}
