/** Floating IPs and their pools, which are Neutron's external networks. */
import { type Call, type Route, serve, type Services } from '#api/kernel/index.ts'
import { notFound } from '#lib/fault.ts'
import { constant, operation } from '#lib/versioned/index.ts'
import type { Document } from '#neighbours/pass-through/port.ts'
import { anyQuery, ENDED, refusing } from './ended.ts'

type AnyCall = Pick<Call<unknown, unknown, never>, 'token' | 'context' | 'params'>
const RULE = 'os_compute_api:os-floating-ips'

const createIp = operation({
  ...ENDED,
  path: 'POST /os-floating-ips',
  policy: `${RULE}:create`,
  body: constant<{ readonly pool?: string | null } | null>({
    type: ['object', 'null'],
    properties: { pool: { type: ['string', 'null'] } },
  }),
})

export function floatingIpRoutes({ passThrough, config }: Services): readonly Route[] {
  const list = async (call: AnyCall, path: string, key: string): Promise<readonly Document[]> =>
    ((await passThrough.ask({ service: 'network', method: 'GET', path }, call))[key] ?? []) as Document[]
  const pools = (call: AnyCall) => list(call, 'networks?router%3Aexternal=True', 'networks')
  const render = async (call: AnyCall, ips: readonly Document[]) => {
    const [networks, ports] =
      ips.length === 0
        ? [[], []]
        : await Promise.all([
            pools(call),
            list(call, `ports?project_id=${encodeURIComponent(call.context.projectId ?? '')}`, 'ports'),
          ])
    return ips.map((ip) => ({
      id: ip['id'],
      ip: ip['floating_ip_address'],
      fixed_ip: ip['fixed_ip_address'] ?? null,
      pool:
        networks.find(({ id }) => id === ip['floating_network_id'])?.['name'] ?? ip['floating_network_id'],
      instance_id: ports.find(({ id }) => id === ip['port_id'])?.['device_id'] ?? null,
    }))
  }
  const find = async (call: AnyCall): Promise<Document> => {
    const id = call.params['id'] ?? ''
    const [found] = await list(call, `floatingips?id=${encodeURIComponent(id)}`, 'floatingips')
    if (!found) throw notFound(`Floating IP not found for ID ${id}`)
    return found
  }
  return [
    serve(
      operation({
        ...ENDED,
        path: 'GET /os-floating-ip-pools',
        policy: 'os_compute_api:os-floating-ip-pools',
        query: anyQuery,
      }),
      async (call) => ({ body: { floating_ip_pools: (await pools(call)).map(({ name }) => ({ name })) } }),
    ),
    serve(operation({ ...ENDED, path: 'GET /os-floating-ips', policy: `${RULE}:list` }), async (call) => {
      const path = `floatingips?project_id=${encodeURIComponent(call.context.projectId ?? '')}`
      return { body: { floating_ips: await render(call, await list(call, path, 'floatingips')) } }
    }),
    serve(
      operation({ ...ENDED, path: 'GET /os-floating-ips/{id}', policy: `${RULE}:show` }),
      async (call) => {
        const [shown] = await render(call, [await find(call)])
        return { body: { floating_ip: shown } }
      },
    ),
    serve(createIp, async (call) => {
      const wanted = call.body?.pool ?? config.defaultFloatingPool
      const pool = (await pools(call)).find(({ id, name }) => id === wanted || name === wanted)
      if (!pool) throw notFound('Floating IP pool not found.')
      const json = { floatingip: { floating_network_id: pool['id'] } }
      const made = await refusing(
        passThrough.ask({ service: 'network', method: 'POST', path: 'floatingips', json }, call),
        {
          OverQuota: ['forbidden', `IP allocation over quota in pool ${wanted}.`],
          IpAddressGenerationFailure: ['notFound', `No more floating IPs in pool ${wanted}.`],
          ExternalIpAddressExhausted: ['badRequest'],
        },
      )
      const [shown] = await render(call, [made['floatingip'] as Document])
      return { body: { floating_ip: shown } }
    }),
    serve(
      operation({ ...ENDED, path: 'DELETE /os-floating-ips/{id}', policy: `${RULE}:delete`, status: 202 }),
      async (call) => {
        const { id } = await find(call)
        await passThrough.ask(
          { service: 'network', method: 'DELETE', path: `floatingips/${String(id)}` },
          call,
        )
        return {}
      },
    ),
  ]
}
