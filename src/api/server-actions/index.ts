/** What can be done to a server as a whole: `POST /servers/{id}/action`. */
import { type Route, serve, type Services } from '#api/kernel/index.ts'
import { changePassword } from './change-password.ts'
import * as guest from './guest.spec.ts'
import { guestActionRoutes } from './guest-actions.ts'
import { lockRoutes } from './lock.ts'
import { rescue } from './rescue.ts'
import { restore } from './restore.ts'

export const serverActionRoutes = (services: Services): readonly Route[] => [
  ...guestActionRoutes(services),
  ...lockRoutes(services),
  serve(guest.rescue, (call) => rescue(call, services)),
  serve(guest.changePassword, (call) => changePassword(call, services)),
  serve(guest.restore, (call) => restore(call, services)),
]
