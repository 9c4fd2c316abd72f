/** Security groups of a server. */
export { securityGroupRoutes } from './routes.ts'
export { groupView, ruleView } from './security-group.view.ts'
