/**
 * A summary over a million calls. The ends of the calls are written straight into the store, folded by
 * the product's own projections, and kept between runs; what is timed is the public endpoint.
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIds } from '../../src/adapters/ids.ts'
import { createSealer } from '../../src/adapters/sealing.ts'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { createEventCodec } from '../../src/commands/event-codec.ts'
import { catalogue } from '../../src/domain/catalogue.ts'
import { idFromUuid } from '../../src/domain/ids.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { Engine } from '../../src/ports/engine.ts'
import type { NewEvent } from '../../src/ports/event-store.ts'
import { projections } from '../../src/projections/index.ts'
import { createRunner } from '../../src/projections/runner.ts'
import { business, type Business, rawRequest, signIn, withHelpers } from '../business.ts'
import { assertSound } from '../business.ts'
import { startProduct } from '../children.ts'
import type { Loaded } from '../children/load.ts'
import { type Bench, collect, inTurns, median, rowOf, type Row } from '../harness.ts'
import type { Settings } from '../harness.ts'
import { quiet } from '../system.ts'

/** Raised when what is written here changes. */
const VERSION = 1
const AT_ONCE = 128
const DAY_MS = 86_400_000
const DAYS = 360
const GROUPINGS = ['day', 'agent', 'model', 'user', 'end_user', 'metadata.team'] as const
const [PEOPLE, AGENTS, MODELS, END_USERS, TEAMS] = [20, 50, 5, 1_000, 8]

const ids = createIds()
const some = (noun: 'user' | 'agent', count: number) =>
  Array.from({ length: count }, () => idFromUuid(noun, ids.random()))

/** The end of one call of the last twelve months, oldest first. */
function ending(orgId: string, last: Date, calls: number) {
  const [people, agents] = [some('user', PEOPLE), some('agent', AGENTS)]
  const endUsers = Array.from({ length: END_USERS }, (_, n) => ids.sha256(`end user ${n}`))
  return (n: number): { stream: string; event: NewEvent } => {
    const id = ids.random()
    const invocationId = idFromUuid('invocation', id)
    const at = new Date(last.getTime() - DAYS * DAY_MS * (1 - n / calls)).toISOString()
    const output = 50 + (n % 500)
    const charge = String(output * 2_000)
    const data = {
      invocationId,
      orgId,
      endedAt: at,
      of: {
        userId: people[n % PEOPLE],
        endUser: endUsers[(n * 7) % END_USERS],
        agentId: agents[(n * 3) % AGENTS],
        agentVersion: 1,
        model: `model-${n % MODELS}`,
        metadata: { team: `team-${n % TEAMS}` },
        acceptedAt: at,
        practice: false,
      },
      settlement: {
        kind: 'settle',
        priceNanos: charge,
        chargeNanos: charge,
        waivedNanos: '0',
        uncollectedNanos: '0',
        costNanos: String(output * 1_000),
      },
      usage: {
        basis: 'reported',
        quantities: { input_uncached: 200, input_cached: 0, output, reasoning: 0 },
      },
      attempt: 1,
      callId: id,
      latencyMs: 900,
      finishReason: 'stop',
    }
    const metadata = {
      v: 1,
      recordedAt: at,
      commandId: id,
      $correlationId: id,
      $causationId: id,
      actor: { kind: 'operator' },
      orgId,
    }
    return {
      stream: `invocation-${invocationId}`,
      event: {
        id,
        type: 'InvocationCompleted',
        data: JSON.stringify(data),
        metadata: JSON.stringify(metadata),
      },
    }
  }
}

async function write(engine: Engine, orgId: string, calls: number, settings: Settings) {
  const next = ending(orgId, new Date(), calls)
  for (let n = 0; n < calls; n += AT_ONCE) {
    if (n % (AT_ONCE * 100) === 0) settings.progress(`usage-summary: ${n} of ${calls} calls`)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, calls - n) }, (_, i) => {
        const { stream, event } = next(n + i)
        return engine.events.append(stream, 'none', [event])
      }),
    )
  }
}

async function fold(engine: Engine, settings: Settings) {
  const masterKey = (await engine.keys.masterKey()) ?? new Uint8Array(32)
  const sealer = await createSealer({ keys: engine.keys, masterKey })
  const codec = createEventCodec(catalogue, { sealer, ids })
  const runner = createRunner({
    events: engine.events,
    store: engine.views,
    projections,
    upcast: (event) => codec.upcast(event),
    logger: {
      ...quiet,
      info: (fields) => settings.progress(`usage-summary: folding ${JSON.stringify(fields)}`),
    },
  })
  await runner.start()
  const stopped = runner.status().find(({ stopped: why }) => why !== undefined)
  await runner.stop()
  if (stopped) throw new Error(`${stopped.name} stopped: ${stopped.stopped}`)
}

/** The business with so many calls, kept between runs for as long as the projections are the same. */
async function prepared(settings: Settings, calls: number): Promise<string> {
  const views = projections.map(({ name, version }) => `${name}@${version}`).join()
  const digest = createHash('sha256').update(`${VERSION} ${views}`).digest('hex').slice(0, 12)
  const month = new Date().toISOString().slice(0, 7)
  const disk = process.platform === 'linux' ? '/var/tmp' : tmpdir()
  const cache = join(disk, 'daybook-bench-usage', `${calls}-${month}-${digest}`)
  if (existsSync(cache)) return join(cache, 'data')
  const made: Business = await business(settings)
  const folder = settings.folder()
  const dataDir = join(folder, 'data')
  cpSync(made.dataDir, dataDir, { recursive: true })
  const engine = await openEngine({ dataDir, logger: quiet, clock: createSystemClock() })
  try {
    await write(engine, made.orgId, calls, settings)
    await fold(engine, settings)
  } finally {
    await engine.close()
  }
  mkdirSync(join(cache, '..'), { recursive: true })
  rmSync(cache, { recursive: true, force: true })
  renameSync(folder, cache)
  return join(cache, 'data')
}

async function summary(settings: Settings): Promise<Row[]> {
  const calls = settings.quick ? 100_000 : 1_000_000
  const dataDir = await prepared(settings, calls)
  // Whole months, as books are asked for; they hold every call.
  const firstOf = (year: number, month: number) =>
    new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10)
  const [now, first] = [new Date(), new Date(Date.now() - (DAYS + 1) * DAY_MS)]
  const from = firstOf(first.getUTCFullYear(), first.getUTCMonth())
  const to = firstOf(now.getUTCFullYear(), now.getUTCMonth() + 1)
  return withHelpers(['load'], async (load) => {
    if (!load) throw new Error('no helpers')
    const product = await startProduct(dataDir)
    try {
      const { token } = await signIn(product)
      const ask = async (path: string, each: number) => {
        const requests = [rawRequest(`GET ${path}`, undefined, token)]
        const loaded = await load.ask<Loaded>({
          port: product.port,
          requests,
          connections: 1,
          each,
        })
        assertSound(loaded)
        return { value: loaded.whole.p50, ...loaded.whole }
      }
      const each: Record<string, number[]> = {}
      const compared = await inTurns(
        settings.rounds,
        async () => {
          let slowest = { value: 0, p50: 0, p99: 0 }
          for (const group of GROUPINGS) {
            const path = `/usage/summary?group_by=${group}&from=${from}&to=${to}`
            const sample = await ask(path, settings.quick ? 5 : 20)
            ;(each[group] ??= []).push(sample.value)
            if (sample.value > slowest.value) slowest = sample
          }
          return slowest
        },
        async () => {
          await collect()
          return ask('/health/live', 50)
        },
      )
      const list = Object.entries(each).map(([group, ms]) => `${group} ${median(ms).toFixed(1)} ms`)
      const given = {
        name: 'usage-summary',
        unit: 'ms',
        besideName: 'GET /health/live',
        target: { of: 'ours', most: 200 },
        notes: `${calls} calls, all of them asked for, in whole months${settings.quick ? ' (a million in the full run)' : ''}; ours is the slowest grouping; ${list.join(', ')}`,
      } as const
      return [rowOf(given, compared)]
    } finally {
      await product.stop()
    }
  })
}

export const usageRows: readonly Bench[] = [
  { names: ['usage-summary'], title: 'a usage summary over a million calls', run: summary },
]
