/** Server groups: servers that are to be together on a host, or apart. */
export {
  type GroupPolicy,
  type ServerGroup,
  SOFT_GROUP_POLICIES,
  STRICT_GROUP_POLICIES,
} from './server-group.ts'
