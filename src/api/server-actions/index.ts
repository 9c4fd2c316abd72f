/** What can be done to a server as a whole: `POST /servers/{id}/action`. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { changePassword } from './change-password.ts'
import * as guest from './guest.spec.ts'
import { guestActionRoutes } from './guest-actions.ts'
import * as image from './image.spec.ts'
import { backup, snapshot } from './images.ts'
import { lockRoutes } from './lock.ts'
import { moveRoutes } from './move-routes.ts'
import { rebuild } from './rebuild.ts'
import { rescue } from './rescue.ts'
import { restore } from './restore.ts'

export const serverActionRoutes = (services: Services): readonly Route[] => [
  ...guestActionRoutes(services),
  ...lockRoutes(services),
  serve(guest.rescue, (call) => rescue(call, services)),
  serve(guest.changePassword, (call) => changePassword(call, services)),
  serve(guest.restore, (call) => restore(call, services)),
  serve(image.createImage, (call) => snapshot(call, services)),
  serve(image.createBackup, (call) => backup(call, services)),
  serve(image.rebuild, (call) => rebuild(call, services)),
  ...moveRoutes(services),
]
