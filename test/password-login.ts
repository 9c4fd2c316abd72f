/** Logs in at a Keystone with a password, ours or the real one, for a project. */

export interface PasswordLogin {
  /** With or without `/v3`. */
  readonly authUrl: string
  readonly user: string
  readonly password: string
  readonly project: string
  /** Default: `Default`. */
  readonly userDomain?: string | undefined
  /** Default: `Default`. */
  readonly projectDomain?: string | undefined
}

export interface LoggedIn {
  readonly token: string
  readonly projectId: string
  /** The public URL of each type of service, without a slash at its end. */
  readonly endpoints: ReadonlyMap<string, string>
}

export async function passwordLogin(login: PasswordLogin): Promise<LoggedIn> {
  const { user: name, password, project, userDomain = 'Default', projectDomain = 'Default' } = login
  const user = { name, password, domain: { name: userDomain } }
  const answer = await fetch(`${login.authUrl.replace(/\/v3\/?$/, '')}/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { name: project, domain: { name: projectDomain } } },
      },
    }),
  })
  if (answer.status !== 201) throw new Error(`login as ${name}: ${answer.status} ${await answer.text()}`)
  const { token } = (await answer.json()) as {
    token: {
      project: { id: string }
      catalog: { type: string; endpoints: { interface: string; url: string }[] }[]
    }
  }
  return {
    token: answer.headers.get('x-subject-token') ?? '',
    projectId: token.project.id,
    endpoints: new Map(
      token.catalog.map(({ type, endpoints }) => [
        type,
        endpoints.find((endpoint) => endpoint.interface === 'public')?.url.replace(/\/$/, '') ?? '',
      ]),
    ),
  }
}
