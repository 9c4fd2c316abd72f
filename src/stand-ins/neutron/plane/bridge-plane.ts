/**
 * The real plane: Linux bridges, namespaces, nftables, dnsmasq and haproxy. One loop compares what
 * should be with what is and closes the gap: after a change, after a crash, and now and then.
 */
import type { Clock } from '#lib/clock.ts'
import type { Log } from '#lib/log.ts'
import { createChildren, killLeftovers } from './children.ts'
import { type Commands, findOptional } from './commands.ts'
import { createForeignFirewall } from './foreign-firewall.ts'
import { createHostSide } from './host-side.ts'
import { createLook, linksOf, spacesOf } from './look.ts'
import { createNames } from './names.ts'
import type { NetworkPlane, PlaneState } from './port.ts'
import { createReconciler } from './reconciler.ts'
import { createServers, prepareRunDir, removeRunDir } from './servers.ts'
import type { SeenRoute } from './spaces.ts'

export interface BridgePlaneDeps {
  readonly commands: Commands
  readonly log: Log
  readonly clock: Clock
  /** Tells this cloud's devices from those of another on the same machine. */
  readonly stateDir: string
  /** Whom the metadata proxy becomes. */
  readonly proxyUser: { readonly name: string; readonly uid: number; readonly gid: number }
}

export function createBridgePlane(deps: BridgePlaneDeps): NetworkPlane {
  const { commands, log, clock, proxyUser } = deps
  const names = createNames(deps.stateDir)
  const runDir = `/run/${names.prefix}`
  const socketPath = `${runDir}/metadata.sock`
  const onDeath = (name: string) => {
    servers.forget(name)
    reconciler.later()
  }
  const children = createChildren({ log, clock, onDeath })
  const servers = createServers({
    tools: commands.tools,
    children,
    runDir,
    metadataSocket: socketPath,
    proxyUser: proxyUser.name,
  })
  const hostSide = createHostSide({ commands, log, prefix: names.prefix })
  const firewall = createForeignFirewall({
    tools: findOptional('iptables', 'ip6tables'),
    prefix: names.prefix,
    log,
  })
  const look = createLook({ commands, names, servers, hostSide, firewall, log })
  let load: (() => Promise<PlaneState>) | undefined
  const reconciler = createReconciler({
    log,
    clock,
    pass: async (isThorough) => (load ? look(await load(), isThorough) : new Map()),
  })
  return {
    vifType: 'bridge',
    serves: true,
    async start(source) {
      load = source
      await prepareRunDir(runDir)
      reconciler.start(async () => {
        const killed = await killLeftovers(runDir)
        if (killed > 0) log.info({ killed }, 'ended network servers of an earlier run')
      })
    },
    changed: reconciler.changed,
    settled: reconciler.settled,
    vifDetails: (networkId) => ({
      bridge_name: names.bridge(networkId),
      port_filter: true,
      connectivity: 'l2',
    }),
    metadataSocket: { path: socketPath, uid: proxyUser.uid, gid: proxyUser.gid },
    async rangesInUse() {
      const routes = (await commands.ipJson(['-4', 'route', 'show'])) as SeenRoute[]
      return routes
        .filter((route) => route.dst !== 'default' && !route.dev.startsWith(names.prefix))
        .map((route) => (route.dst.includes('/') ? route.dst : `${route.dst}/32`))
    },
    async close() {
      await reconciler.close()
      await children.stopAll()
      await removeAll(commands, names.prefix)
      await firewall.close()
      await hostSide.closeUplinks()
      await removeRunDir(runDir)
    },
  }
}

/** Everything in the root namespace whose name begins with the prefix, the namespaces, and the nft tables. */
async function removeAll(commands: Commands, prefix: string): Promise<void> {
  const own = (await linksOf(commands)).map((link) => link.ifname).filter((name) => name.startsWith(prefix))
  // Of a veth with both ends here, either takes the other with it.
  await commands.ip(own.filter((name) => !name.startsWith(`${prefix}y`)).map((name) => `link del ${name}`))
  await commands.ip([...(await spacesOf(prefix))].map((name) => `netns del ${name}`))
  const tables = ['bridge', 'inet'].flatMap((family) => [
    `table ${family} ${prefix}`,
    `delete table ${family} ${prefix}`,
    '',
  ])
  await commands.nft(tables.join('\n'))
}
