/** The queues' names: stable, so that whoever comes back finds what was meant for it. */

/** Nova's own queues in the same virtual host stay apart. A queue's arguments cannot change: other arguments want another name. */
export const queueOf = (topic: string): string => `kilonova.${topic}`

/** The queue of a topic that nobody serves or calls goes after this: a host that is gone leaves none. */
export const TOPIC_IDLE_MS = 60 * 60_000
