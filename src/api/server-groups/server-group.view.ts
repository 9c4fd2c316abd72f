/** How a server group looks in answers. */
import { shownSince, shownUntil, view } from '#lib/versioned/index.ts'
import type { ServerGroup } from '#model/server-group/index.ts'

const rulesOf = ({ maxServersPerHost }: ServerGroup) =>
  maxServersPerHost === null ? {} : { max_server_per_host: maxServersPerHost }

export const serverGroupView = view<ServerGroup>({
  id: (group) => group.uuid,
  name: (group) => group.name,
  policies: shownUntil('2.63', (group) => [group.policy]),
  metadata: shownUntil('2.63', () => ({})),
  policy: shownSince('2.64', (group) => group.policy),
  rules: shownSince('2.64', rulesOf),
  members: (group) => group.members,
  project_id: shownSince('2.13', (group) => group.projectId),
  user_id: shownSince('2.13', (group) => group.userId),
})
