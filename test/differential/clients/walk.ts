/** Reads a walk: a line a command, who runs it, at which version, what is kept of its output, what is waited for. */

const PROGRAMS = ['openstack', 'nova', 'sdk'] as const
export type Program = (typeof PROGRAMS)[number]

export interface Step {
  readonly user: string
  readonly version: string
  readonly program: Program
  readonly args: readonly string[]
  /** What of its output is remembered, and under which name: `{name}` in later lines stands for it. */
  readonly keep: { readonly key: string; readonly as: string } | undefined
  /** The server waited for afterwards, and the state it comes to (`gone` when it is to be no more). */
  readonly until: { readonly server: string; readonly status: string } | undefined
}

const LINE =
  /^(?<user>\w+) (?<version>\d+\.\d+) (?<program>\w+) (?<args>[^>|]+?)(?: > (?<key>.+?) as (?<as>\w+))?(?: \| (?<server>\w+) (?<status>\w+))?$/

/**
 * `demo 2.90 openstack server create … > id as s1 | s1 ACTIVE`: keeps the `id` shown as `{s1}`, then waits until
 * server `{s1}` is ACTIVE with no task. Empty lines and those that begin with # are for the reader. Throws when a
 * line cannot be read.
 */
export function readWalk(text: string): readonly Step[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const groups = LINE.exec(line)?.groups
      if (!groups) throw new Error(`this line of the walk cannot be read: ${line}`)
      const { user = '', version = '', args = '', key, as, server, status } = groups
      const program = PROGRAMS.find((each) => each === groups['program'])
      if (!program) throw new Error(`this line of the walk runs no known program: ${line}`)
      return {
        user,
        version,
        program,
        args: args.split(' '),
        keep: key !== undefined && as !== undefined ? { key, as } : undefined,
        until: server !== undefined && status !== undefined ? { server, status } : undefined,
      }
    })
}

/** Which of `commands` (words with spaces between) a step runs. */
export const commandOf = ({ args }: Step, commands: ReadonlySet<string>): string | undefined =>
  args.map((_, index) => args.slice(0, args.length - index).join(' ')).find((words) => commands.has(words))
