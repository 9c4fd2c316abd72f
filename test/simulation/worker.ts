/** A process of the simulation: it is sent seeds, and answers what came of each. */
import { openStage, play } from './play.ts'

const stage = await openStage()

async function answer(seed: number): Promise<void> {
  process.send?.(await play(stage, seed))
}

process.on('message', (seed) => void answer(seed as number))
