/**
 * Another firewall of this machine that drops what it does not know (Docker's, for one) also sees the
 * packets between our guests: it is told to leave what passes our own devices to our own rules.
 */
import type { Log } from '#lib/log.ts'
import { run } from './commands.ts'

export interface ForeignFirewall {
  /** Adds our exceptions where the policy is to drop and they are missing. */
  open(): Promise<void>
  /** Takes them away. */
  close(): Promise<void>
}

export interface ForeignFirewallDeps {
  /** The paths of `iptables` and `ip6tables`, as far as they are installed: without them nobody set up such a policy. */
  readonly tools: readonly string[]
  readonly prefix: string
  readonly log: Log
}

export function createForeignFirewall({ tools, prefix, log }: ForeignFirewallDeps): ForeignFirewall {
  const exceptions = [`-i ${prefix}+`, `-o ${prefix}+`]
  const opened = async (tool: string): Promise<string[]> =>
    (await run(tool, ['-w', '-S', 'FORWARD'])).split('\n')
  const change = (tool: string, action: '-I' | '-D', exception: string) =>
    run(tool, ['-w', action, 'FORWARD', ...exception.split(' '), '-j', 'ACCEPT'])
  return {
    async open() {
      for (const tool of tools) {
        const lines = await opened(tool)
        const missing = exceptions.filter((exception) => !lines.includes(`-A FORWARD ${exception} -j ACCEPT`))
        if (!lines.includes('-P FORWARD DROP') || missing.length === 0) continue
        for (const exception of missing) await change(tool, '-I', exception)
        log.info(
          { tool },
          'the machine’s firewall drops forwarded packets: those of our own networks are let through',
        )
      }
    },
    async close() {
      for (const tool of tools) {
        const lines = await opened(tool)
        for (const exception of exceptions)
          if (lines.includes(`-A FORWARD ${exception} -j ACCEPT`)) await change(tool, '-D', exception)
      }
    },
  }
}
