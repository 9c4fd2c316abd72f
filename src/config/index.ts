/** Configuration: options declared by group, read from nova.conf, the environment and the command line. */
export { type Config } from './groups.ts'
export { ConfigError, type Loaded, loadConfig } from './load.ts'
export { renderDocs, renderSample } from './render.ts'
export { type Sources } from './sources.ts'
