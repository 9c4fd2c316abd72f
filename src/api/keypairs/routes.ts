/** Key pairs: a user's own, or any user's for an admin. */
import { type Call, limitOf, markerOf, type Route, serve, type Services } from '#api/kernel/index.ts'
import { quotaOf } from '#api/quotas/index.ts'
import { countKeyPairs, getKeyPair, insertKeyPair, listKeyPairs, removeKeyPair } from '#db/keypairs.ts'
import { lockQuota } from '#db/quotas.ts'
import type { NovaDb } from '#db/schema.ts'
import { keypairCreated, keypairInList, keypairShown } from './keypair.view.ts'
import { createKeypair, listKeypairs, removeKeypair, showKeypair } from './keypairs.spec.ts'
import { generateCertificate } from './certificate.ts'
import { fingerprintOf, generateSshKey } from './public-key.ts'

const RULE = 'os_compute_api:os-keypairs'

type OwnerCall = Pick<
  Call<unknown, { readonly user_id?: readonly string[] | undefined }, 'byUser'>,
  'on' | 'query' | 'context'
>

/** Whose key pairs a request is about. */
const ownerOf = ({ on, query, context }: OwnerCall): string =>
  (on.byUser ? query.user_id?.at(-1) : undefined) ?? context.userId

/** Keys for callers who bring none. */
const generate = { ssh: generateSshKey, x509: generateCertificate }

const targetOf = (userId: string) => ({ user_id: userId })

export function keypairRoutes(services: Services): readonly Route[] {
  const { db, clock, config } = services
  const nova = db.typed<NovaDb>()
  return [
    serve(listKeypairs, async (call) => {
      const userId = ownerOf(call)
      call.enforce(`${RULE}:index`, targetOf(userId))
      const page = call.on.paged ? call.query : undefined
      const marker = page && markerOf(page)
      const limit = page && limitOf(page, config.maxLimit)
      const found = await listKeyPairs(nova, userId, {
        ...(marker !== undefined && { marker }),
        ...(limit !== undefined && { limit }),
      })
      const render = call.render(keypairInList)
      const keypairs = found.map((keypair) => ({ keypair: render(keypair, undefined) }))
      const last = found.at(-1)
      const more = limit !== undefined && limit > 0 && found.length === limit && last !== undefined
      return {
        body: { keypairs, ...(more && { keypairs_links: call.links.next('os-keypairs', last.name) }) },
      }
    }),

    serve(createKeypair, async (call) => {
      const { keypair } = call.body
      const userId = keypair.user_id ?? call.context.userId
      call.enforce(`${RULE}:create`, targetOf(userId))
      const type = keypair.type ?? 'ssh'
      const made = keypair.public_key === undefined ? await generate[type]() : undefined
      const publicKey = keypair.public_key ?? made?.publicKey ?? ''
      const row = {
        userId,
        name: keypair.name.trim(),
        type,
        publicKey,
        fingerprint: fingerprintOf(type, publicKey),
      }
      const quota = await quotaOf(services, { projectId: call.context.projectId ?? '', userId })
      const stored = await db.transaction<NovaDb, Awaited<ReturnType<typeof insertKeyPair>>>(async (trx) => {
        const limit = quota.limits.key_pairs
        if (limit >= 0) await lockQuota(trx, userId)
        const used = limit < 0 ? 0 : await countKeyPairs(trx, userId)
        if (limit >= 0 && used >= limit)
          throw quota.refusal('Quota exceeded, too many key pairs.', [
            { resource: 'key_pairs', used, delta: 1 },
          ])
        return insertKeyPair(trx, row, { now: clock.now() })
      })
      return { body: { keypair: call.render(keypairCreated)(stored, { privateKey: made?.privateKey }) } }
    }),

    serve(showKeypair, async (call) => {
      const userId = ownerOf(call)
      call.enforce(`${RULE}:show`, targetOf(userId))
      const keypair = await getKeyPair(nova, userId, call.params.id ?? '')
      return { body: { keypair: call.render(keypairShown)(keypair, undefined) } }
    }),

    serve(removeKeypair, async (call) => {
      const userId = ownerOf(call)
      call.enforce(`${RULE}:delete`, targetOf(userId))
      await removeKeyPair(nova, userId, call.params.id ?? '')
      return {}
    }),
  ]
}
