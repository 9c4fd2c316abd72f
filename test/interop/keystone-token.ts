/** A token of one of the real Keystone's users. */

interface User {
  readonly authUrl: string
  readonly name: string
  readonly password: string
  readonly project: string
}

export interface Token {
  readonly token: string
  readonly projectId: string
}

export async function tokenOf({ authUrl, name, password, project }: User): Promise<Token> {
  const domain = { name: 'Default' }
  const answer = await fetch(`${authUrl}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { name, domain, password } } },
        scope: { project: { name: project, domain } },
      },
    }),
  })
  if (answer.status !== 201) throw new Error(`no token for ${name}: ${answer.status} ${await answer.text()}`)
  const { token } = (await answer.json()) as { token: { project: { id: string } } }
  return { token: answer.headers.get('x-subject-token') ?? '', projectId: token.project.id }
}
