/** The scheduler: chooses hosts. */
export { defaultSchedulerConfig, type SchedulerConfig } from './config.ts'
export { createScheduler, type Scheduler, type SchedulerDependencies } from './scheduler.ts'
