/** A whole cloud in the test's own process: the simulated driver, a free port, a state directory that goes with the test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Cloud, type CloudOptions, startCloud as start } from '../../src/cli/up/cloud.ts'
import { type CloudClient, login } from '../cloud-client.ts'

export interface WholeCloud {
  readonly cloud: Cloud
  readonly stateDir: string
  /** `demo` owns the network `private`; `alt` is a stranger. */
  as(user: 'demo' | 'admin' | 'reader' | 'alt'): Promise<CloudClient>
  /** Stops it, keeping the state directory; `startCloud({ stateDir })` goes on with it. */
  stop(): Promise<void>
}

/** Starts a cloud that stops with the test (or with the suite whose `after` is given). */
export async function startCloud(
  t: Pick<TestContext, 'after'>,
  options: Partial<Pick<CloudOptions, 'hosts' | 'stateDir' | 'environment' | 'configFiles'>> = {},
): Promise<WholeCloud> {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'kilonova-functional-'))
  const cloud = await start({
    stateDir,
    host: '127.0.0.1',
    port: 0,
    driver: 'simulated',
    hosts: options.hosts ?? 1,
    configFiles: options.configFiles ?? [],
    configDirs: [],
    environment: options.environment ?? {},
    reset: false,
    verbose: false,
    isRoot: false,
    tinyImage: () => Promise.resolve(undefined),
    say: () => undefined,
  })
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (isStopped) return
    isStopped = true
    await cloud.stop()
  }
  t.after(async () => {
    await stop()
    if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true })
  })
  return { cloud, stateDir, as: (user) => login(stateDir, `kilonova-${user}`), stop }
}
