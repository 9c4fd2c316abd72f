/** stub */
import type { Launch } from '../main.ts'
export async function up(_args: readonly string[], launch: Launch): Promise<number> {
  await Promise.resolve()
  console.log(Date.now() - launch.launchedAt)
  return 0
}
