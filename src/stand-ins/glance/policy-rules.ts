/** Who may do what in Glance, as rules in oslo.policy's language. Targets: the image's `project_id` (its owner), `visibility`, `member_id`. */
import type { Rule } from '#policy/index.ts'

const declare = (name: string, check: string): Rule => ({ name, check, scopeTypes: null, operations: [] })

const OWNER = 'role:admin or (role:member and project_id:%(project_id)s)'
const READER = 'role:admin or role:service or role:reader'
const SEES = `project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s`

export const glanceRules: readonly Rule[] = [
  declare('context_is_admin', 'role:admin'),
  declare('get_image', READER),
  declare('get_images', READER),
  declare('add_image', OWNER),
  declare('modify_image', OWNER),
  declare('delete_image', OWNER),
  declare('upload_image', OWNER),
  declare('download_image', `role:admin or (role:member and (${SEES}))`),
  declare('publicize_image', 'role:admin'),
  declare('communitize_image', OWNER),
  declare('deactivate', OWNER),
  declare('reactivate', OWNER),
  declare(
    'get_members',
    `role:admin or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))`,
  ),
  declare('add_member', OWNER),
  declare('delete_member', OWNER),
  declare('modify_member', 'role:admin or (role:member and project_id:%(member_id)s)'),
]
