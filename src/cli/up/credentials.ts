/** The files with which clients log in: clouds.yaml, and an openrc for each user. */
import { REGION, type StateDir, USERS } from './state-dir.ts'

/** Writes them anew at each start: the port may have changed. */
export function writeCredentials(dir: StateDir, authUrl: string): void {
  dir.writePrivate('clouds.yaml', cloudsYaml(dir, authUrl))
  for (const user of USERS)
    dir.writePrivate(user.openrc, openrc(authUrl, user, dir.state.passwords[user.name] ?? ''))
}

function cloudsYaml(dir: StateDir, authUrl: string): string {
  const clouds = USERS.flatMap((user) => user.clouds.map((cloud) => ({ cloud, user })))
  const entries = clouds.map(
    ({ cloud, user }) => `  ${cloud}:
    auth:
      auth_url: ${authUrl}
      username: ${user.name}
      password: ${JSON.stringify(dir.state.passwords[user.name])}
      project_name: ${user.project}
      user_domain_name: Default
      project_domain_name: Default
    region_name: ${REGION}
    identity_api_version: 3
`,
  )
  return `# Written by Kilonova at each start. Use: export OS_CLIENT_CONFIG_FILE=${dir.path}/clouds.yaml OS_CLOUD=kilonova\nclouds:\n${entries.join('')}`
}

function openrc(authUrl: string, user: (typeof USERS)[number], password: string): string {
  const variables = {
    OS_AUTH_URL: authUrl,
    OS_USERNAME: user.name,
    OS_PASSWORD: password,
    OS_PROJECT_NAME: user.project,
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    OS_REGION_NAME: REGION,
    OS_IDENTITY_API_VERSION: '3',
  }
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`)
  return `# ${user.name}: ${user.roles.join(', ')} of project ${user.project}\nunset OS_CLOUD\n${lines.join('\n')}\n`
}
