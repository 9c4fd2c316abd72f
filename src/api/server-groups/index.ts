/** Server groups. */
export { serverGroupRoutes } from './routes.ts'
export { requireRoomInGroup } from './members.ts'
