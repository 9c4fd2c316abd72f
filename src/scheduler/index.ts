/** The scheduler: chooses hosts. */
export type { SchedulerConfig } from './config.ts'
export { createScheduler } from './scheduler.ts'
