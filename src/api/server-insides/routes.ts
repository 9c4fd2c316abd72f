/** The inside of a server, route by route. */
import { getServer } from '#api/instances/index.ts'
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { modifyInstance } from '#db/instances.ts'
import type { NovaDb } from '#db/schema.ts'
import { notFound } from '#lib/fault.ts'
import { requireAllowed } from '#model/instance/index.ts'
import { diagnosticsOf } from './diagnostics.ts'
import { serverMigrationRoutes } from './migrations.ts'
import * as spec from './server-insides.spec.ts'

type AnyCall = Call<unknown, unknown, never>

const PASSWORD = 'os_compute_api:os-server-password'
const SHARES = 'os_compute_api:os-server-shares'
/** A guest posts its encrypted password to the metadata service, which keeps it in parts. */
const PARTS: readonly string[] = ['password_0', 'password_1', 'password_2', 'password_3']

const noShare = (id: string) => notFound(`Share ${id} could not be found.`)

/** No share file system is spoken with yet: a server has none, and none can be found. */
const shareRoutes = (services: Services): readonly Route[] => {
  const missing = async (call: AnyCall, rule: string): Promise<never> => {
    await getServer(call, services, `${SHARES}:${rule}`)
    throw noShare(call.params['id'] ?? '')
  }
  return [
    serve(spec.listShares, async (call) => {
      await getServer(call, services, `${SHARES}:index`)
      return { body: { shares: [] } }
    }),
    serve(spec.showShare, (call) => missing(call, 'show')),
    serve(spec.removeShare, (call) => missing(call, 'delete')),
    serve(spec.addShare, async (call) => {
      const instance = await getServer(call, services, `${SHARES}:create`)
      requireAllowed('allow_share', instance, call)
      throw noShare(call.body.share.share_id)
    }),
  ]
}

export const serverInsideRoutes = (services: Services): readonly Route[] => [
  serve(spec.showDiagnostics, (call) => diagnosticsOf(call, services)),
  serve(spec.showTopology, async (call) => {
    await getServer(call, services, 'compute:server:topology:index')
    // No guest is bound to nodes of its host's memory.
    return { body: { nodes: [], pagesize_kb: null } }
  }),
  serve(spec.showPassword, async (call) => {
    const { systemMetadata } = await getServer(call, services, `${PASSWORD}:show`)
    return { body: { password: PARTS.map((part) => systemMetadata[part] ?? '').join('') } }
  }),
  serve(spec.clearPassword, async (call) => {
    const { uuid } = await getServer(call, services, `${PASSWORD}:clear`)
    const now = services.clock.now()
    await modifyInstance(services.db.typed<NovaDb>(), uuid, { now }, ({ systemMetadata }) => ({
      systemMetadata: Object.fromEntries(
        Object.entries(systemMetadata).filter(([key]) => !PARTS.includes(key)),
      ),
    }))
    return {}
  }),
  ...serverMigrationRoutes(services),
  ...shareRoutes(services),
]
