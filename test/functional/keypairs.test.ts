/** Key pairs over HTTP: brought and made ones, whose they are, pages, duplicates, and the quota. */
import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import type { CloudClient } from '../cloud-client.ts'
import { ask, askOk, assertFault, assertForbidden, usersOfOneCloud } from './ask.ts'

const PUBLIC_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0AAAcKFma3nz9qDGzc6WZJlicGDnLZI6GMbkZmod3D somebody@somewhere'

interface KeyPair {
  readonly name: string
  readonly public_key: string
  readonly private_key?: string
  readonly fingerprint: string
  readonly user_id?: string
  readonly type?: string
}

const created = async (who: CloudClient, keypair: object, at?: string): Promise<KeyPair> =>
  (await askOk(who, 'POST /os-keypairs', { body: { keypair }, ...(at !== undefined && { at }) })).keypair
const namesOf = async (who: CloudClient, path: string, at?: string): Promise<string[]> =>
  (await askOk(who, `GET ${path}`, at === undefined ? {} : { at })).keypairs.map(
    ({ keypair }: { keypair: KeyPair }) => keypair.name,
  )

describe('key pairs', () => {
  const users = usersOfOneCloud()

  test('a key that is brought is kept as it is, and shown to its user alone', async () => {
    const { demo, admin, reader, alt } = users
    const keypair = await created(demo, { name: 'brought', public_key: PUBLIC_KEY })
    assert.equal(keypair.public_key, PUBLIC_KEY)
    assert.equal(keypair.type, 'ssh')
    assert.match(keypair.fingerprint, /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
    assert.equal('private_key' in keypair, false)
    const shown = (await askOk(demo, 'GET /os-keypairs/brought')).keypair
    assert.deepEqual(
      [shown.public_key, shown.fingerprint, shown.deleted],
      [PUBLIC_KEY, keypair.fingerprint, false],
    )
    for (const who of [alt, reader, admin])
      assertFault(await ask(who, 'GET /os-keypairs/brought'), 404, /^Keypair brought not found for user /)
    assertFault(await ask(alt, 'DELETE /os-keypairs/brought'), 404)
    assert.deepEqual(await namesOf(alt, '/os-keypairs'), [])
  })

  test('a key is made for who brings none, until 2.91; its private half is shown once', async () => {
    const { demo } = users
    const made = await created(demo, { name: 'made' }, '2.1')
    const privateKey = createPrivateKey(made.private_key ?? '')
    const { n } = createPublicKey(privateKey).export({ format: 'jwk' })
    const line = Buffer.from(made.public_key.split(' ')[1] ?? '', 'base64')
    assert.ok(line.includes(Buffer.from(n ?? '', 'base64url')), 'both halves are of one key')
    assert.equal('type' in made, false)
    const shown = (await askOk(demo, 'GET /os-keypairs/made')).keypair
    assert.equal('private_key' in shown, false)
    const refused = await ask(demo, 'POST /os-keypairs', { at: '2.92', body: { keypair: { name: 'no' } } })
    assertFault(
      refused,
      400,
      /^Invalid input for field\/attribute keypair\. .*'public_key' is a required property$/,
    )
    assert.equal((await ask(demo, 'DELETE /os-keypairs/made', { at: '2.1' })).status, 202)
    assertFault(await ask(demo, 'DELETE /os-keypairs/made'), 404, /^Keypair made not found for user /)
  })

  test('certificates are a type from 2.2 on', async () => {
    const { demo } = users
    const { public_key: certificate, type } = await created(demo, { name: 'x', type: 'x509' }, '2.2')
    assert.equal(type, 'x509')
    assert.ok(new X509Certificate(certificate).subject.includes('Nova'))
    const early = await ask(demo, 'POST /os-keypairs', {
      at: '2.1',
      body: { keypair: { name: 'y', type: 'x509' } },
    })
    assertFault(early, 400, /Additional properties are not allowed \('type' was unexpected\)$/)
    await askOk(demo, 'DELETE /os-keypairs/x')
  })

  test('bad input is refused in Nova’s words', async () => {
    const { demo } = users
    const refused: [object, string | RegExp][] = [
      [
        { name: '', public_key: PUBLIC_KEY },
        "Invalid input for field/attribute name. Value: . '' is too short",
      ],
      [{ name: 'a/b', public_key: PUBLIC_KEY }, /^Invalid input for field\/attribute name\. Value: a\/b\./],
      [{ name: 'x'.repeat(256), public_key: PUBLIC_KEY }, /is too long$/],
      [{ name: ' a', public_key: PUBLIC_KEY }, /^An invalid 'name' value was provided\./],
      [
        { name: 'a', public_key: 'ssh-rsa nonsense' },
        'Keypair data is invalid: failed to generate fingerprint',
      ],
      [{ name: 'a', public_key: '' }, /^Keypair data is invalid/],
      [{ name: 'a', public_key: 7 }, /7 is not of type 'string'$/],
      [
        { name: 'a', public_key: PUBLIC_KEY, type: 'x509' },
        /^Keypair data is invalid: failed to generate X509/,
      ],
      [{ name: 'a', public_key: PUBLIC_KEY, type: 'gpg' }, /'gpg' is not one of \['ssh', 'x509'\]$/],
      [{ public_key: PUBLIC_KEY }, /'name' is a required property$/],
    ]
    for (const [keypair, message] of refused)
      assertFault(await ask(demo, 'POST /os-keypairs', { body: { keypair } }), 400, message)
    assert.equal((await ask(demo, 'GET /os-keypairs/a')).status, 404, 'nothing was kept of it')
  })

  test('a name is taken once a user', async () => {
    const { demo, reader, alt } = users
    const body = { keypair: { name: 'twice', public_key: PUBLIC_KEY } }
    await askOk(demo, 'POST /os-keypairs', { body })
    assertFault(await ask(demo, 'POST /os-keypairs', { body }), 409, "Key pair 'twice' already exists.")
    await askOk(alt, 'POST /os-keypairs', { body })
    // A reader's keys are its own: whoever may log in may keep keys.
    await askOk(reader, 'POST /os-keypairs', { body })
    for (const who of [demo, alt, reader])
      assert.equal((await ask(who, 'DELETE /os-keypairs/twice')).status, 204)
  })

  test('an admin works with the keys of any user from 2.10 on; others with their own', async () => {
    const { demo, admin, alt } = users
    const userId = (await created(alt, { name: 'owner', public_key: PUBLIC_KEY })).user_id ?? ''
    assert.deepEqual(await namesOf(admin, `/os-keypairs?user_id=${userId}`), ['owner'])
    assert.equal((await askOk(admin, `GET /os-keypairs/owner?user_id=${userId}`)).keypair.user_id, userId)
    const given = await created(admin, { name: 'given', public_key: PUBLIC_KEY, user_id: userId })
    assert.equal(given.user_id, userId)
    assert.deepEqual(await namesOf(alt, '/os-keypairs'), ['given', 'owner'])
    const body = { keypair: { name: 'no', public_key: PUBLIC_KEY, user_id: userId } }
    assertForbidden(await ask(demo, 'POST /os-keypairs', { body }))
    for (const route of ['GET /os-keypairs', 'GET /os-keypairs/owner', 'DELETE /os-keypairs/owner'])
      assertForbidden(await ask(demo, `${route}?user_id=${userId}`))
    assert.deepEqual(
      await namesOf(demo, `/os-keypairs?user_id=${userId}`, '2.9'),
      await namesOf(demo, '/os-keypairs'),
    )
    assert.equal((await ask(admin, `DELETE /os-keypairs/given?user_id=${userId}`)).status, 204)
    assert.deepEqual(await namesOf(alt, '/os-keypairs'), ['owner'])
  })

  test('lists are paged from 2.35 on, by name', async () => {
    const { reader } = users
    for (const name of ['p3', 'p1', 'p2']) await created(reader, { name, public_key: PUBLIC_KEY })
    const first = await askOk(reader, 'GET /os-keypairs?limit=2')
    assert.deepEqual(
      first.keypairs.map(({ keypair }: { keypair: KeyPair }) => keypair.name),
      ['p1', 'p2'],
    )
    assert.match(first.keypairs_links[0].href, /\/v2\.1\/os-keypairs\?limit=2&marker=p2$/)
    const second = await askOk(reader, 'GET /os-keypairs?limit=2&marker=p2')
    assert.deepEqual([second.keypairs.length, second.keypairs_links], [1, undefined])
    assert.deepEqual(await namesOf(reader, '/os-keypairs?limit=0'), [])
    assert.equal((await namesOf(reader, '/os-keypairs?limit=1', '2.34')).length, 3)
    assertFault(await ask(reader, 'GET /os-keypairs?marker=nope'), 400, 'Marker nope could not be found.')
    assertFault(await ask(reader, 'GET /os-keypairs?limit=-1'), 400)
    assertFault(await ask(reader, 'GET /os-keypairs?nope=1', { at: '2.75' }), 400)
    assert.equal((await ask(reader, 'GET /os-keypairs?nope=1', { at: '2.74' })).status, 200)
  })

  test('no more than the quota, also of many at once', async () => {
    const { admin } = users
    const path = `PUT /os-quota-sets/${admin.projectId}`
    await askOk(admin, path, { body: { quota_set: { key_pairs: 2 } } })
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) =>
        ask(admin, 'POST /os-keypairs', { body: { keypair: { name, public_key: PUBLIC_KEY } } }),
      ),
    )
    assert.deepEqual(
      answers.map(({ status }) => status).sort((a, b) => a - b),
      [201, 201, 403, 403],
    )
    const refused = answers.find(({ status }) => status === 403)
    assert.ok(refused)
    assertFault(refused, 403, /^Quota exceeded, too many key pairs\.$/)
  })
})
