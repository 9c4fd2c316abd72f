/** A compute host as it reports itself. */
import { reportComputeNode } from '#db/compute-nodes.ts'
import type { NovaDb } from '#db/schema.ts'
import { reportService } from '#db/services.ts'
import type { TestApi } from './compute-api.ts'

export async function reportHost({ db }: TestApi, host: string, uuid: string): Promise<void> {
  const nova = db.typed<NovaDb>()
  const service = { binary: 'nova-compute', host, topic: 'compute', version: 66 }
  await reportService(nova, { ...service, uuid }, { now: Date.now() })
  const has = {
    hypervisorType: 'fake',
    hypervisorVersion: 1000,
    hostIp: '127.0.0.1',
    vcpus: 4,
    vcpusUsed: 0,
    memoryMb: 4096,
    memoryMbUsed: 0,
    localGb: 100,
    localGbUsed: 0,
    diskAvailableLeast: null,
    runningVms: 0,
    cpuInfo: {},
    supportedInstances: [],
    uptimeSeconds: null,
    cpuAllocationRatio: 4,
    ramAllocationRatio: 1,
    diskAllocationRatio: 1,
    traits: [],
  }
  await reportComputeNode(nova, { uuid, host, hypervisorHostname: host, ...has }, { now: Date.now() })
}
