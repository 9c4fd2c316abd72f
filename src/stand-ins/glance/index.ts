/** The stand-in for Glance: images and their bytes, small but real. */
export { createGlance, type Glance } from './glance.ts'
