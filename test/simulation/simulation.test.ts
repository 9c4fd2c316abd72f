/** A short run of the simulation, and tests of the test: what is broken on purpose is noticed. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { findInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import type { Sabotage } from './cloud.ts'
import { openStage, play, type Played } from './play.ts'

const SEEDS = 60

const told = ({ seed, problems }: Played): string =>
  `seed ${seed}: ${problems.join('; ')} (npm run simulate -- --seed ${seed})`

suite('the simulation', async () => {
  const stage = await openStage()

  /** The first of some seeds that notices. */
  async function noticed(sabotage: Sabotage, seeds = 20): Promise<Played | undefined> {
    for (let seed = 1; seed <= seeds; seed++) {
      const played = await play(stage, seed, { sabotage })
      if (played.problems.length > 0) return played
    }
    return undefined
  }

  test(`${SEEDS} seeds end with every invariant holding`, async () => {
    let active = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const played = await play(stage, seed)
      assert.deepEqual(played.problems, [], told(played))
      active += played.active
    }
    // Where nothing can be built, nothing can go wrong.
    assert.ok(active >= SEEDS, `${active} servers in ${SEEDS} runs`)
  })

  test('a seed is the same run each time, whatever ran before it', async () => {
    const first = await play(stage, 7)
    await play(stage, 8)
    assert.equal((await play(stage, 7)).hash, first.hash)
    assert.equal((await play(await openStage(), 7)).hash, first.hash)
    assert.notEqual((await play(stage, 8)).hash, first.hash)
  })

  test('a step whose undo is skipped is noticed', async () => {
    const played = await noticed({
      networks: (real, db) => ({
        ...real,
        // A delete's release is done, a failed build's is not.
        async release(uuid, keep) {
          const instance = await findInstance(db.typed<NovaDb>(), uuid)
          if (instance?.taskState === 'deleting') await real.release(uuid, keep)
        },
      }),
    })
    assert.match(played?.problems.join() ?? '', /has \d+ ports and not 0|was deleted|belongs to/)
  })

  test('a lost nudge without a poll is noticed', async () => {
    const never = 1_000_000_000
    const played = await noticed({
      swallows: (_topic, method) => method === 'operationReady',
      conductor: { pollMs: never, repairMs: never },
    })
    assert.match(played?.problems.join() ?? '', /never ends/)
  })

  test('allocations that are not given back are noticed', async () => {
    const played = await noticed({ placement: (real) => ({ ...real, release: async () => undefined }) })
    assert.match(played?.problems.join() ?? '', /holds .* and is not there/)
  })
})
