/** QEMU's way to write options: `head,key=value,…`. */
import type { PluggedDevice } from './qmp/device-commands.ts'

/** `a,b=c` lists: QEMU reads a doubled comma as one. */
export const options = (
  head: string,
  values: Readonly<Record<string, string | number | boolean | undefined>>,
): string =>
  [
    head,
    ...Object.entries(values).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}=${written(value)}`],
    ),
  ].join(',')

export const written = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value).replaceAll(',', ',,')

/** A device as `-device` takes it. */
export const deviceOption = ({ driver, ...properties }: PluggedDevice): string => options(driver, properties)
