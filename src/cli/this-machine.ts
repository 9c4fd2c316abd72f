/** This machine and its terminal, as the setup sees them. */
import type { Machine } from './setup/set-up.ts'

export const thisMachine = (): Machine => ({
  environment: process.env,
  uid: process.getuid?.() ?? -1,
  screen: process.stdout,
  say: (line) => console.log(line),
})
