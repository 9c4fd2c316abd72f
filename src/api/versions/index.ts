/** Version discovery. */
export { allVersions, choices, oneVersion } from './documents.ts'
export { versionRoutes } from './routes.ts'
