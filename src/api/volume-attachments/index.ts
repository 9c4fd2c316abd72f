/** The volumes of servers: shown, attached, swapped, detached. */
export { volumeAttachmentRoutes } from './routes.ts'
