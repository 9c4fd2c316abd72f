/** The instance that a request is about, as far as its caller may know of it. */
export { visibleInstance } from './visible-instance.ts'
