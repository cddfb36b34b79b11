/**
 * A log of accounts and calls, written by the real deciders on the embedded engine in a folder of its
 * own, and the views that are filled from it. For tests of what is read from usage and money.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIds } from '../../src/adapters/ids.ts'
import { createSealer } from '../../src/adapters/sealing.ts'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { createEventCodec } from '../../src/commands/event-codec.ts'
import { step, type Root } from '../../src/commands/context.ts'
import { createStreams, type Streams } from '../../src/commands/streams.ts'
import { account } from '../../src/domain/account/account.ts'
import type { AccountCommand, PlaceHold } from '../../src/domain/account/commands.ts'
import { catalogue } from '../../src/domain/catalogue.ts'
import { idFromUuid, type Noun } from '../../src/domain/ids.ts'
import type { Accepted, Usage } from '../../src/domain/invocation/events.ts'
import type { InvocationCommand } from '../../src/domain/invocation/commands.ts'
import { invocationDecider, settlementOf } from '../../src/domain/invocation/invocation.ts'
import { usageDecider } from '../../src/domain/usage/usage.ts'
import type { UsageItem } from '../../src/domain/usage/events.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { Ids } from '../../src/ports/ids.ts'
import type { AnyProjection, Projection } from '../../src/projections/projection.ts'
import { createRunner } from '../../src/projections/runner.ts'
import { silent } from './silent.ts'

export const idOf = (noun: Noun, n: number): string =>
  idFromUuid(noun, n.toString(16).padStart(32, '0'))

/** A number of one that only the log knows, or the id of one that lives. */
export type Who = number | string
const named = (noun: Noun, who: Who): string => (typeof who === 'number' ? idOf(noun, who) : who)

/** A call of 10 tokens in and 40 + 10 out unless it says otherwise. */
export interface CallStory {
  readonly org: Who
  readonly user?: Who
  readonly agent?: number
  readonly model?: string
  readonly endUser?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly at: string
  readonly holdNanos?: bigint
  readonly practice?: boolean
  readonly usage?: Usage
  /** `open`: the provider is still talking. `held`: never accepted. */
  readonly end: 'completed' | 'failed' | 'canceled' | 'open' | 'held'
}

export const reported: Usage = {
  basis: 'reported',
  quantities: { input_uncached: 10, input_cached: 0, output: 40, reasoning: 10 },
}
/** nano-USD a million tokens: 10 × 10 + 50 × 20 = 1,100 nano-USD a call, 10 × 5 + 50 × 8 = 450 its cost. */
const price = {
  input_uncached: '10000000',
  input_cached: '0',
  output: '20000000',
  reasoning: '20000000',
}
const cost = {
  input_uncached: '5000000',
  input_cached: '0',
  output: '8000000',
  reasoning: '8000000',
}

export type Books = Awaited<ReturnType<typeof openBooks>>

export async function openBooks(projections: readonly AnyProjection[]) {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-books-'))
  const engine = await openEngine({ dataDir: folder, logger: silent, clock: createSystemClock() })
  const ids = createIds()
  const masterKey = (await engine.keys.masterKey()) ?? new Uint8Array(32)
  const sealer = await createSealer({ keys: engine.keys, masterKey })
  const codec = createEventCodec(catalogue, { sealer, ids })
  const { events, snapshots } = engine
  const streams = createStreams({ events, snapshots, codec, logger: silent })
  const open = () =>
    createRunner({
      events,
      store: engine.views,
      projections,
      upcast: (event) => codec.upcast(event),
      logger: silent,
    })
  let runner = open()
  await runner.start()

  const settled = async () => {
    if (!(await runner.views.passed(await events.head(), 5_000)))
      throw new Error('views are behind')
  }
  return {
    engine,
    streams,
    sealer,
    ids,
    get runner() {
      return runner
    },
    get views() {
      return runner.views
    },
    ...createWriter({ streams, ids }),
    settled,
    /** Stops following and begins again, as a restart does. */
    async restart() {
      await runner.stop()
      runner = open()
      await runner.start()
    },
    /** Every document of every view, as text. */
    async dump(): Promise<Record<string, string>> {
      await settled()
      const dumped: Record<string, string> = {}
      for (const one of projections) {
        const rows: unknown[] = []
        for await (const row of runner.views.all(one as Projection<unknown>)) rows.push(row)
        dumped[one.name] = JSON.stringify(rows)
      }
      return dumped
    },
    async close() {
      await runner.stop()
      await engine.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Writes accounts, calls and request records by their deciders. */
export function createWriter({ streams, ids }: { streams: Streams; ids: Ids }) {
  const context = (at: string) => {
    const id = ids.random()
    const root: Root = {
      id,
      actor: { kind: 'operator' },
      at,
      correlationId: id,
      causationId: id,
    }
    return step(ids, root, 'test')
  }
  const onAccount = (org: Who, command: AccountCommand, at: string) =>
    streams.transact(account, named('organization', org), command, context(at))

  async function openAccount(org: Who, amountNanos: bigint, at: string) {
    const orgId = named('organization', org)
    await onAccount(org, { type: 'OpenAccount', orgId, at }, at)
    await grant(org, 1, amountNanos, at)
  }
  const grant = (org: Who, n: number, amountNanos: bigint, at: string) =>
    onAccount(
      org,
      {
        type: 'GrantCredit',
        grantId: `grant ${n}`,
        lotId: idOf('lot', n),
        kind: 'paid',
        amountNanos,
        reason: 'top-up',
        source: 'administrator',
        at,
      },
      at,
    )

  async function call(n: number, story: CallStory) {
    const invocationId = idOf('invocation', n)
    const { at, org } = story
    const hold = holdOf(invocationId, story)
    await onAccount(org, hold, at)
    if (story.end === 'held') return
    const on = (command: InvocationCommand) =>
      streams.transact(invocationDecider, invocationId, command, context(at))
    const accepted = acceptedOf(hold, story)
    const claim = { callId: `call ${n}`, runId: 'run', model: hold.model, at }
    await on({ type: 'AcceptInvocation', accepted, start: claim })
    if (story.end === 'open') return
    const usage = story.usage ?? reported
    if (story.end === 'canceled') await on({ type: 'CancelInvocation', by: 'caller', at })
    const report = { callId: claim.callId, at, usage, latencyMs: 900, firstByteMs: 100 }
    const { state } = await on(endOf(story.end, report))
    const settlement = settlementOf(state)
    if (settlement === 'open') throw new Error('the call has not ended')
    await onAccount(
      org,
      settlement.kind === 'release'
        ? { type: 'ReleaseHold', invocationId, reason: settlement.reason, at }
        : {
            type: 'SettleHold',
            invocationId,
            model: hold.model,
            usageBasis: usage.basis,
            ...(usage.basis === 'unknown' ? {} : { quantities: usage.quantities }),
            priceNanos: settlement.priceNanos,
            waivedNanos: settlement.waivedNanos,
            costNanos: settlement.costNanos,
            at,
          },
      at,
    )
  }

  return {
    openAccount,
    grant,
    onAccount,
    call,
    /** Appends a batch of request records. */
    async requests(batch: number, items: readonly UsageItem[], recordedAt: string) {
      await streams.transact(
        usageDecider,
        'run-1',
        { type: 'RecordUsage', runId: 'run', batch, recordedAt, items, counts: [] },
        context(recordedAt),
      )
    },
  }
}

type Report = Extract<InvocationCommand, { type: 'StopInvocation' }>
function endOf(
  end: 'completed' | 'failed' | 'canceled',
  report: Omit<Report, 'type'>,
): InvocationCommand {
  if (end === 'completed') return { type: 'CompleteInvocation', finishReason: 'stop', ...report }
  if (end === 'canceled') return { type: 'StopInvocation', ...report }
  return { type: 'FailAttempt', reason: 'cut_off', firstByte: true, retry: false, ...report }
}

function holdOf(invocationId: string, story: CallStory): PlaceHold {
  const { at, user, agent = 1, model = 'first', holdNanos = 2_000n, practice } = story
  return {
    type: 'PlaceHold',
    invocationId,
    amountNanos: holdNanos,
    requestedAt: at,
    at,
    ...(user === undefined ? {} : { userId: named('user', user) }),
    ...(story.endUser === undefined ? {} : { endUser: digestOf(story.endUser) }),
    agentId: idOf('agent', agent),
    agentVersion: 1,
    model,
    priceListId: idOf('priceList', 1),
    priceListVersion: 1,
    contents: [],
    ...(practice === true ? { practice } : {}),
  }
}

export const digestOf = (endUser: string): string =>
  Buffer.from(endUser).toString('hex').padEnd(64, '0').slice(0, 64)

function acceptedOf(hold: PlaceHold, story: CallStory): Accepted {
  const { invocationId, userId, endUser, agentId, agentVersion, model } = hold
  const part = { ref: `${invocationId}/part/r`, digest: 'd'.repeat(64), size: 1 }
  return {
    invocationId,
    orgId: named('organization', story.org),
    ...(userId === undefined ? {} : { userId }),
    ...(endUser === undefined ? {} : { endUser }),
    ...(story.endUser === undefined ? {} : { endUserText: story.endUser }),
    metadata: { ...story.metadata },
    agentId,
    agentVersion,
    label: 'production',
    parameters: { maxTokens: 100 },
    priceList: { id: hold.priceListId, version: 1 },
    chain: [{ model, price, cost }],
    holdNanos: hold.amountNanos.toString(),
    abortPolicy: 'drain',
    onProviderFailure: 'free',
    store: true,
    contentSubject: 'somebody',
    input: part,
    messages: part,
    requestDigest: 'd'.repeat(64),
    acceptedAt: story.at,
    deadline: new Date(Date.parse(story.at) + 600_000).toISOString(),
    practice: story.practice === true,
  }
}
