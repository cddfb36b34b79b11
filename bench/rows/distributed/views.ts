/**
 * Documents of a view through our adapter beside a bare bulkWrite of the same ones: new ones, and ones
 * that are there. And, as information, how fast the runner projects onto it.
 */
import { type AnyBulkWriteOperation, MongoClient } from 'mongodb'
import { createIds } from '../../../src/adapters/ids.ts'
import { createSealer } from '../../../src/adapters/sealing.ts'
import { createEventCodec } from '../../../src/commands/event-codec.ts'
import { openEngine } from '../../../src/engines/distributed/index.ts'
import { openMongo } from '../../../src/engines/distributed/mongodb/connection.ts'
import { openViewStore } from '../../../src/engines/distributed/view-store.ts'
import type { StoredEvent } from '../../../src/ports/event-store.ts'
import type { ViewCollection } from '../../../src/ports/view-store.ts'
import { createRunner } from '../../../src/projections/runner.ts'
import {
  type Bench,
  cpuSince,
  inTurns,
  rowOf,
  type Row,
  type Sample,
  type Settings,
} from '../../harness.ts'
import { isFerretDb, urlOf, withLog, withNamespace } from '../../servers.ts'
import { onlyErrors } from '../../system.ts'
import { fillOrders, foldInMemory, orderEvents, sums } from '../projections.ts'
import { cpuSaid } from './events.ts'

const NEW_AT_ONCE = 500
/** FerretDB 1 reads the whole collection where a write compares more than the key: it stays small. */
const KNOWN_AT_ONCE = 200
const LEAST = 0.7
/** As many as the adapter puts into one command: FerretDB takes no more updates, MongoDB does. */
const UPDATES_AT_ONCE = { mongodb: 1_000, ferretdb: 6 }

const viewOf = (name: string): ViewCollection => ({
  name,
  version: 1,
  indexes: {
    byOrg: { equals: ['orgId'], orderBy: 'startedAt' },
    byAgent: { equals: ['orgId', 'agentId'], orderBy: 'startedAt' },
  },
})

const documentOf = (key: string, n: number) => ({
  id: key,
  orgId: `org-${n % 50}`,
  agentId: `agent-${n % 400}`,
  startedAt: new Date(1_760_000_000_000 + n * 1_000).toISOString(),
  status: 'succeeded',
  model: 'bench-50-0',
  tokens: { inputUncached: n % 997, inputCached: 0, output: n % 4_001, reasoning: 0 },
  chargedNanos: String(n * 1_000),
  note: 'n'.repeat(120),
})
type Document = ReturnType<typeof documentOf>
type Batch = readonly { readonly key: string; readonly document: Document }[]

const batchOf = (count: number, name: string, n: number): Batch =>
  Array.from({ length: count }, (_, index) => {
    const key = `invocation-${name}-${index}`
    return { key, document: documentOf(key, index + n) }
  })
const knownAt = (n: number) => batchOf(KNOWN_AT_ONCE, 'known', n)
const KNOWN = knownAt(0)

interface Cost {
  readonly ms: number
  readonly cpuUs: number
}
/**
 * A batch of new documents; or of known ones, `guarded` where the write itself makes sure that none goes
 * back. Answers what the write alone has cost.
 */
type Kind = 'insert' | 'replace' | 'guarded'
type Write = (batch: Batch, position: number) => Promise<Cost>

async function timed(work: () => Promise<unknown>): Promise<Cost> {
  const cpuBefore = process.cpuUsage()
  const begun = performance.now()
  await work()
  return { ms: performance.now() - begun, cpuUs: cpuSince(cpuBefore) }
}

async function ours(namespace: string) {
  const mongo = await openMongo({ mongodbUrl: urlOf('MONGODB_URL'), namespace })
  const opened = await openViewStore({ db: mongo.views, logger: onlyErrors })
  const { views } = opened
  const writer =
    (kind: Kind): Write =>
    async (batch, n) => {
      const view = viewOf(kind)
      // Whoever folds has looked what is there; that is no part of the write.
      await views.getMany(
        view,
        batch.map(({ key }) => key),
      )
      const position = BigInt(n)
      const documents = batch.map((one) => ({ ...one, position }))
      return timed(() => views.putMany([{ view, documents, checkpoint: position }]))
    }
  return {
    writer,
    async close() {
      opened.close()
      await mongo.close()
    },
  }
}

type Stored = Document & { readonly _id: string; readonly position: number }

async function bare(namespace: string) {
  const client = await MongoClient.connect(urlOf('MONGODB_URL'))
  const db = client.db(`${namespace}_bare`, { writeConcern: { w: 'majority' } })
  const most = UPDATES_AT_ONCE[(await isFerretDb()) ? 'ferretdb' : 'mongodb']
  async function writer(kind: Kind): Promise<Write> {
    const stored = db.collection<Stored>(kind)
    await stored.createIndexes([
      { key: { orgId: 1, startedAt: 1 } },
      { key: { orgId: 1, agentId: 1, startedAt: 1 } },
    ])
    if (kind !== 'insert')
      await stored.insertMany(
        KNOWN.map(({ key, document }) => ({ _id: key, ...document, position: 0 })),
      )
    const atOnce = kind === 'insert' ? NEW_AT_ONCE : most
    return (batch, position) =>
      timed(async () => {
        const operations = batch.map(({ key, document }) =>
          operationOf(kind, { _id: key, ...document, position }),
        )
        let written = 0
        for (let from = 0; from < operations.length; from += atOnce) {
          const some = operations.slice(from, from + atOnce)
          const { insertedCount, matchedCount } = await stored.bulkWrite(some, { ordered: false })
          written += insertedCount + matchedCount
        }
        if (written !== batch.length) throw new Error(`bare: ${written} of ${batch.length} written`)
      })
  }
  return { writer, close: () => client.close() }
}

function operationOf(kind: Kind, document: Stored): AnyBulkWriteOperation<Stored> {
  if (kind === 'insert') return { insertOne: { document } }
  const { _id, position } = document
  const filter = kind === 'guarded' ? { _id, position: { $lt: position } } : { _id }
  return { replaceOne: { filter, replacement: document } }
}

/** New ones each time; the known ones are always the same. */
async function turn(write: Write, kind: Kind, round: number, batches: number): Promise<Sample> {
  let [count, ms, cpuUs] = [0, 0, 0]
  for (let number = 0; number < batches; number++) {
    const n = round * batches + number + 1
    const batch = kind === 'insert' ? batchOf(NEW_AT_ONCE, String(n), n) : knownAt(n)
    const cost = await write(batch, n)
    count += batch.length
    ms += cost.ms
    cpuUs += cost.cpuUs
  }
  return { value: count / (ms / 1_000), cpuUs: cpuUs / count }
}

const WRITES = [
  {
    name: 'view-insert',
    kind: 'insert',
    besideName: 'bulkWrite of the same documents',
    target: { of: 'ratio', least: LEAST },
  },
  {
    name: 'view-replace',
    kind: 'replace',
    besideName: 'bulkWrite of the same documents',
    target: { of: 'ratio', least: LEAST },
  },
  {
    name: 'view-replace-guarded',
    kind: 'guarded',
    besideName: 'bulkWrite that compares positions too',
  },
] as const

const writes = (settings: Settings): Promise<Row[]> =>
  withNamespace(async (namespace) => {
    const [adapter, driver] = [await ours(namespace), await bare(namespace)]
    try {
      const rows: Row[] = []
      for (const { kind, ...given } of WRITES) {
        const batches = (kind === 'insert' ? 4 : 1) * (settings.quick ? 1 : 2)
        const [our, their] = [adapter.writer(kind), await driver.writer(kind)]
        if (kind !== 'insert') await our(KNOWN, 0)
        const compared = await inTurns(
          settings.rounds,
          (round) => turn(our, kind, round, batches),
          (round) => turn(their, kind, round, batches),
        )
        const size = kind === 'insert' ? NEW_AT_ONCE : KNOWN_AT_ONCE
        const notes = `batches of ${size}, one view, two indexes; ${cpuSaid(compared)}`
        rows.push(rowOf({ ...given, unit: 'documents/s', notes }, compared))
      }
      return rows
    } finally {
      await adapter.close()
      await driver.close()
    }
  })

const projecting = (settings: Settings): Promise<Row[]> =>
  withNamespace((namespace) =>
    withLog(settings, async (eventStoreDbUrl) => {
      const size = settings.quick ? 4_000 : 20_000
      const masterKey = new Uint8Array(32).fill(7)
      const engine = await openEngine({
        namespace,
        eventStoreDbUrl,
        mongoDbUrl: urlOf('MONGODB_URL'),
        keysMongoDbUrl: undefined,
        redisUrl: urlOf('REDIS_URL'),
        masterKey,
        logger: onlyErrors,
      })
      try {
        settings.progress(`writing a log of ${size} events`)
        await fillOrders(engine, size)
        const sealer = await createSealer({ keys: engine.keys, masterKey })
        const codec = createEventCodec(orderEvents, { sealer, ids: createIds() })
        const upcast = (one: StoredEvent) => codec.upcast(one)
        const projection = sums('bench-projecting', 'orderId')
        const { events, views: store } = engine
        const deps = { events, store, projections: [projection], upcast, logger: onlyErrors }
        const runner = createRunner(deps)
        await runner.start()
        const rate = async (work: () => Promise<unknown>): Promise<Sample> => ({
          value: size / ((await timed(work)).ms / 1_000),
        })
        const compared = await inTurns(
          settings.quick ? 1 : 3,
          () => rate(() => runner.rebuild(projection.name)),
          () => rate(() => foldInMemory(engine, projection, upcast)),
        )
        await runner.stop()
        const given = {
          name: 'view-project',
          unit: 'events/s',
          besideName: 'read, parse and fold in memory',
          notes: `a rebuild through the runner: ${size} events, ${size / 10} documents`,
        } as const
        return [rowOf(given, compared)]
      } finally {
        await engine.close()
      }
    }),
  )

export const viewRows: readonly Bench[] = [
  {
    names: WRITES.map(({ name }) => name),
    title: 'documents of a view, new and known',
    needs: ['MONGODB_URL'],
    run: writes,
  },
  {
    names: ['view-project'],
    title: 'events projected by the runner',
    needs: ['MONGODB_URL', 'REDIS_URL'],
    run: projecting,
  },
]
