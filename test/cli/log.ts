/** A log written by hand, event by event, for what checkers must find in it. */
import type { AccountData } from '../../src/domain/account/events.ts'
import { idFromUuid, type Noun } from '../../src/domain/ids.ts'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import { catalogue } from '../../src/domain/catalogue.ts'
import { createLogCheck, type LogOptions, type LogReport } from '../../src/cli/invariants/index.ts'

export const idOf = (noun: Noun, n: number): string =>
  idFromUuid(noun, n.toString(16).padStart(32, '0'))
/** Of 31 January 2026, so many seconds after noon. */
export const second = (n: number): string => new Date(Date.UTC(2026, 0, 31, 12, 0, n)).toISOString()

export interface Written {
  readonly stream: string
  readonly type: string
  readonly data: object
  readonly at?: string
  readonly revision?: number
  readonly position?: bigint
}

export function log(written: readonly Written[]): StoredEvent[] {
  const revisions = new Map<string, number>()
  return written.map(({ stream, type, data, at, ...own }, index) => {
    const revision = own.revision ?? (revisions.get(stream) ?? -1) + 1
    revisions.set(stream, revision)
    return {
      position: own.position ?? BigInt(index + 1),
      stream,
      revision,
      id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      type,
      data: { ...data },
      metadata: {
        v: 1,
        recordedAt: at ?? second(0),
        commandId: `c${index}`,
        $correlationId: 'c',
        $causationId: 'c',
        actor: { kind: 'operator' },
      },
    }
  })
}

export function checked(written: readonly Written[], options: Partial<LogOptions> = {}): LogReport {
  const check = createLogCheck({ catalogue, callLimitMs: 600_000, ...options })
  for (const event of log(written)) check.read(event)
  return check.end()
}

/** `M1 5 account-…: sentence`, without the sentence. */
export const found = (report: LogReport): string[] => [
  ...new Set(report.violations.map(({ invariant, position }) => `${invariant} ${position}`)),
]

export const ORG = idOf('organization', 1)
export const USER = idOf('user', 1)
export const ACCOUNT = `account-${ORG}`
const LIST = idOf('priceList', 1)
const MODEL = 'gpt-5-mini'
const usd = (figure: string) => ({
  input_uncached: figure,
  input_cached: figure,
  output: figure,
  reasoning: figure,
})

/** A list in which a million tokens cost 2 USD and are sold for 3. */
export const prices: Written = {
  stream: `priceList-${LIST}`,
  type: 'PriceListPublished',
  data: {
    priceListId: LIST,
    version: 1,
    effectiveFrom: second(0),
    name: 'list',
    entries: [{ model: MODEL, cost: usd('2000000000'), price: usd('3000000000') }],
    at: second(0),
  },
}

const account = (type: string, data: object): Written => ({ stream: ACCOUNT, type, data })
export const opened = account('BillingAccountOpened', { orgId: ORG, at: second(0) })

export const granted = (lot: number, amountNanos: string, more: object = {}): Written =>
  account('CreditGranted', {
    grantId: `g${lot}`,
    lotId: idOf('lot', lot),
    kind: 'promotional',
    amountNanos,
    reason: 'test',
    source: 'administrator',
    at: second(0),
    ...more,
  })

export const parts = (lot: number, amountNanos: string) => [
  { lotId: idOf('lot', lot), amountNanos },
]

export const held = (call: number, amountNanos: string, more: object = {}): Written =>
  account('HoldPlaced', {
    invocationId: idOf('invocation', call),
    amountNanos,
    parts: parts(1, amountNanos),
    requestedAt: second(0),
    at: second(0),
    agentId: idOf('agent', 1),
    agentVersion: 1,
    model: MODEL,
    priceListId: LIST,
    priceListVersion: 1,
    contents: [],
    ...more,
  })

export const settled = (
  call: number,
  chargeNanos: string,
  more: Partial<AccountData<'HoldSettled'>> & { readonly drawn?: object } = {},
): Written =>
  account('HoldSettled', {
    invocationId: idOf('invocation', call),
    holdNanos: '5000000',
    chargeNanos,
    waivedNanos: '0',
    uncollectedNanos: '0',
    costNanos: '2000000',
    drawn: parts(1, chargeNanos),
    model: MODEL,
    priceListId: LIST,
    priceListVersion: 1,
    usageBasis: 'reported',
    quantities: { input_uncached: 600, input_cached: 0, output: 400, reasoning: 0 },
    at: second(1),
    ...more,
  })

export const released = (call: number, more: object = {}): Written =>
  account('HoldReleased', {
    invocationId: idOf('invocation', call),
    holdNanos: '5000000',
    reason: 'failed',
    at: second(1),
    ...more,
  })

export const call = (n: number, type: string, data: object = {}): Written => ({
  stream: `invocation-${idOf('invocation', n)}`,
  type,
  data: { invocationId: idOf('invocation', n), ...data },
})

export const accepted = (n: number, more: object = {}): Written =>
  call(n, 'InvocationAccepted', {
    orgId: ORG,
    priceList: { id: LIST, version: 1 },
    chain: [{ model: MODEL, price: usd('3000000000'), cost: usd('2000000000') }],
    holdNanos: '5000000',
    deadline: second(600),
    ...more,
  })

/** 1,000 tokens at 3 USD a million. */
export const completed = (n: number, more: object = {}): Written =>
  call(n, 'InvocationCompleted', {
    orgId: ORG,
    settlement: {
      kind: 'settle',
      priceNanos: '3000000',
      chargeNanos: '3000000',
      waivedNanos: '0',
      uncollectedNanos: '0',
      costNanos: '2000000',
    },
    ...more,
  })

/** A whole, sound life of a call. */
export const soundCall = (n: number): Written[] => [
  held(n, '5000000'),
  accepted(n),
  completed(n),
  settled(n, '3000000'),
]
export const sound: readonly Written[] = [prices, opened, granted(1, '1000000000')]
