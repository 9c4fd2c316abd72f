/** The two that are compared, each on tables of its own, with the same Keystone: Debian's Placement, and ours. */
import { mkdirSync } from 'node:fs'
import { type Token, tokenOf } from '../../interop/keystone-token.ts'
import type { Oracle } from '../../interop/oracle.ts'
import { startOurPlacement, startRealPlacement } from '../../interop/placements.ts'
import { type Endpoint, endpointAt, type Who } from './client.ts'

const DATABASE = 'placement_differential'

export interface Pair {
  readonly ours: Endpoint
  readonly theirs: Endpoint
  stop(): Promise<void>
}

/** Starts both on empty tables. `dir` takes configurations and logs; `databaseUrl` is ours. */
export async function startPair(oracle: Oracle, dir: string, databaseUrl: string): Promise<Pair> {
  mkdirSync(dir, { recursive: true })
  const { authUrl, password } = oracle
  const login = { authUrl, username: 'placement', password }
  const tokens = await tokensOf(oracle)
  const theirs = await startRealPlacement(oracle, { dir, database: DATABASE, login })
  try {
    const ours = await startOurPlacement({ dir, databaseUrl, login })
    return {
      ours: endpointAt(ours.url, tokens),
      theirs: endpointAt(theirs.url, tokens),
      async stop() {
        await ours.stop()
        await theirs.stop()
      },
    }
  } catch (error) {
    await theirs.stop()
    throw error
  }
}

async function tokensOf({ authUrl, password }: Oracle): Promise<Record<Who, string | undefined>> {
  const of = (name: string, project: string): Promise<Token> => tokenOf({ authUrl, name, password, project })
  const [service, reader, member] = [
    await of('placement', 'service'),
    await of('reader', 'demo'),
    await of('demo', 'demo'),
  ]
  return {
    service: service.token,
    reader: reader.token,
    member: member.token,
    nobody: undefined,
    forged: 'forged',
  }
}
