/**
 * `npm run bench -- boot-storm`: 1,000 creates by 16 clients on 4 simulated hosts, to ACTIVE, and as many
 * deletes; for the all-in-one with SQLite and for the fleet on PostgreSQL and RabbitMQ; and all of it once more in the
 * same, then warm cloud. Says what CPU time each kind of process spends on one server, which counts also where others use
 * the machine.
 */
import { parseArgs } from 'node:util'
import { type Shape, SHAPES, startCloud } from './boot-storm/clouds.ts'
import { createAll, deleteAll, type Phase, prepare, type Storm } from './boot-storm/storm.ts'
import { figuresOf } from './measure/figures.ts'
import { cpuSeconds } from './measure/processes.ts'

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '16' },
    /** One of the shapes; both unless said otherwise. */
    shape: { type: 'string' },
  },
})

const PROFILED = process.env['NODE_OPTIONS']?.includes('--cpu-prof') === true

interface Figures {
  readonly perSecond: number
  readonly seconds: number
  readonly acceptedSeconds: number
  /** Milliseconds of CPU for each server, by kind of process; `clients` is this one. */
  readonly cpuMs: Readonly<Record<string, number>>
  readonly cpuMsInAll: number
}

const round = (value: number): number => Math.round(value * 100) / 100

async function measured(
  { servers }: Storm,
  cpu: () => Readonly<Record<string, number>>,
  phase: () => Promise<Phase>,
): Promise<Figures> {
  const all = () => ({ ...cpu(), clients: cpuSeconds(process.pid) })
  const before = all()
  const { seconds, acceptedSeconds } = await phase()
  const after = Object.entries(all())
  const spent = after.map(([kind, total]): [string, number] => [
    kind,
    round(
      ((total - (Object.hasOwn(before, kind) ? ((before as Record<string, number>)[kind] ?? 0) : 0)) *
        1_000) /
        servers,
    ),
  ])
  const sum = spent.reduce((total, [, ms]) => total + ms, 0)
  return {
    perSecond: Math.round(servers / seconds),
    seconds: round(seconds),
    acceptedSeconds: round(acceptedSeconds),
    cpuMs: Object.fromEntries(spent.sort(([, a], [, b]) => b - a)),
    cpuMsInAll: round(sum),
  }
}

type Phases = Readonly<Record<'creates' | 'deletes', Figures>>

/** The first storm of a fresh cloud, whose processes still compile what they run; and the second one, in the then warm cloud. */
async function storms(shape: Shape, size: Storm): Promise<Phases & { readonly warm: Phases }> {
  const cloud = await startCloud[shape]()
  try {
    const { demo, server } = await prepare(cloud.stateDir)
    const storm = async (which: string): Promise<Phases> => {
      const creates = await measured(size, cloud.cpu, () => createAll(demo, server, size))
      tell(`${shape}, ${which}: creates to ACTIVE`, creates)
      const deletes = await measured(size, cloud.cpu, () => deleteAll(demo, size))
      tell(`${shape}, ${which}: deletes`, deletes)
      return { creates, deletes }
    }
    const first = await storm('first storm of a fresh cloud')
    return { ...first, warm: await storm('second storm') }
  } finally {
    await cloud.stop()
  }
}

function tell(what: string, { perSecond, seconds, acceptedSeconds, cpuMs, cpuMsInAll }: Figures): void {
  console.log(`${what}: ${perSecond}/s (${seconds} s, all accepted after ${acceptedSeconds} s)`)
  const parts = Object.entries(cpuMs).map(([kind, ms]) => `${kind} ${ms}`)
  console.log(`  CPU ms for each: ${cpuMsInAll} (${parts.join(', ')})`)
}

function shapesAsked(): readonly Shape[] {
  if (values.shape === undefined) return SHAPES
  const shape = SHAPES.find((each) => each === values.shape)
  if (!shape) throw new Error(`--shape: one of ${SHAPES.join(', ')}`)
  return [shape]
}

async function main(): Promise<void> {
  const size = { servers: Number(values.servers), clients: Number(values.clients) }
  const { keep, write } = figuresOf('boot-storm')
  keep('size', size)
  for (const shape of shapesAsked()) keep(shape, await storms(shape, size))
  if (values.shape !== undefined || PROFILED) return
  write()
}

await main()
