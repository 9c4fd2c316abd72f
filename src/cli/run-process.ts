/** Runs another program of ours or npm's: shown as it goes, or kept until it is known whether it matters. */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'

const codeOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 1)))
  })

export interface Invocation {
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly environment?: NodeJS.ProcessEnv
}

/** Runs with our own output, and with our signals; yields the exit code. */
export async function runShown({ program, args, cwd, environment }: Invocation): Promise<number> {
  const child = spawn(program, args, { cwd, env: environment ?? process.env, stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', pass).on('SIGTERM', pass)
  try {
    return await codeOf(child)
  } finally {
    process.off('SIGINT', pass).off('SIGTERM', pass)
  }
}

/** Runs and keeps what it says, both streams together; `hear` gets each piece as it comes. */
export async function runKept(
  { program, args, cwd, environment }: Invocation,
  hear: (text: string) => void = () => undefined,
): Promise<{ code: number; output: string }> {
  const child = spawn(program, args, {
    cwd,
    env: environment ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data.toString()
      hear(data.toString())
    })
  return { code: await codeOf(child), output }
}
