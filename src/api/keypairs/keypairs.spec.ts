/** What requests about key pairs look like, at each microversion. */
import {
  alwaysRequired,
  during,
  many,
  LIMIT,
  object,
  operation,
  query,
  required,
  since,
  t,
  wrapped,
} from '#lib/versioned/index.ts'

const owner = query({ user_id: since('2.10', many()) }, { strictSince: '2.75' })

const KEY_NAME = { minLength: 1, maxLength: 255, format: 'name' } as const

export const listKeypairs = operation({
  path: 'GET /os-keypairs',
  query: query(
    { user_id: since('2.10', many()), limit: since('2.35', many(LIMIT)), marker: since('2.35', many()) },
    { strictSince: '2.75' },
  ),
  behaviours: { byUser: '2.10..', paged: '2.35..' },
})

export const createKeypair = operation({
  path: 'POST /os-keypairs',
  status: { '..2.1': 200, '2.2..': 201 },
  body: wrapped(
    'keypair',
    object({
      name: alwaysRequired(
        during({
          '..2.0': t.looseName,
          '2.1..2.91': t.string({ ...KEY_NAME, pattern: '^[_\\- a-zA-Z0-9]+$' }),
          '2.92..': t.string({ ...KEY_NAME, pattern: '^[_\\-\\@\\. a-zA-Z0-9]+$' }),
        }),
      ),
      public_key: during({ '..2.91': t.string(), '2.92..': required(t.string()) }),
      type: since('2.2', t.enum('ssh', 'x509')),
      user_id: since('2.10', t.string()),
    }),
  ),
})

export const showKeypair = operation({
  path: 'GET /os-keypairs/{id}',
  query: owner,
  behaviours: { byUser: '2.10..' },
})

export const removeKeypair = operation({
  path: 'DELETE /os-keypairs/{id}',
  status: { '..2.1': 202, '2.2..': 204 },
  query: owner,
  behaviours: { byUser: '2.10..' },
})
