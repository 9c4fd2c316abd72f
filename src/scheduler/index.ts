/** The scheduler: chooses hosts. */
export type { SchedulerConfig } from './config.ts'
export { createScheduler, type Scheduler } from './scheduler.ts'
