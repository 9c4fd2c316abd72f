/** nova-metadata: what a guest may ask about itself at 169.254.169.254. */
export { createMetadata, type MetadataConfig } from './metadata.ts'
