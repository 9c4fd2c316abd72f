/** A process that serves a topic and never finishes anything: for tests that kill it. Arguments: transport URL, topic. */
import { createBus } from '#bus/index.ts'

/** What to fork. */
export const HANGING_SERVER = import.meta.filename

const hang = (payload: unknown) => {
  process.send?.({ begun: payload })
  return new Promise<never>(() => undefined)
}

if (import.meta.main) {
  const [transportUrl = '', topic = ''] = process.argv.slice(2)
  await createBus({ transportUrl }).serve(topic, { call: hang, cast: hang })
  process.send?.('serving')
}
