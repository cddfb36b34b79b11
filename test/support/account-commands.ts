/** Commands of an account with everything filled in but what a test is about. Ids count from 1. */
import { account } from '../../src/domain/account/account.ts'
import type {
  AccountCommand,
  AdjustCharge,
  GrantCredit,
  PlaceHold,
  ReleaseHold,
  RevokeCredit,
  SettleHold,
} from '../../src/domain/account/commands.ts'
import { accountEvents, type AccountEvent } from '../../src/domain/account/events.ts'
import { availableOf, balanceOf, debtOf, heldOf } from '../../src/domain/account/state.ts'
import { idFromUuid, type Noun } from '../../src/domain/ids.ts'
import { given, stateOf } from './decider.ts'

/** Noon of a day, plus so many minutes. */
export const minute = (n: number): string =>
  new Date(Date.UTC(2030, 0, 31, 12) + Math.round(n * 60_000)).toISOString()

export const idOf = (noun: Noun, n: number): string =>
  idFromUuid(noun, n.toString(16).padStart(32, '0'))
export const lot = (n: number): string => idOf('lot', n)
export const call = (n: number): string => idOf('invocation', n)

export const opened: AccountEvent = {
  type: 'BillingAccountOpened',
  data: { orgId: idOf('organization', 1), at: minute(0) },
}

export const grant = (
  n: number,
  amountNanos: bigint,
  more: Partial<GrantCredit> = {},
): GrantCredit => ({
  type: 'GrantCredit',
  grantId: `grant ${n}`,
  lotId: lot(n),
  kind: 'paid',
  amountNanos,
  reason: 'top-up',
  source: 'administrator',
  at: minute(0),
  ...more,
})

export const revoke = (n: number, more: Partial<RevokeCredit> = {}): RevokeCredit => ({
  type: 'RevokeCredit',
  revocationId: `revocation ${n}`,
  lotId: lot(n),
  reason: 'refund',
  source: 'provider',
  at: minute(0),
  ...more,
})

export const hold = (n: number, amountNanos: bigint, more: Partial<PlaceHold> = {}): PlaceHold => ({
  type: 'PlaceHold',
  invocationId: call(n),
  amountNanos,
  requestedAt: more.at ?? minute(0),
  at: minute(0),
  userId: idOf('user', 1),
  agentId: idOf('agent', 1),
  agentVersion: 1,
  model: 'gpt-5-mini',
  priceListId: idOf('priceList', 1),
  priceListVersion: 3,
  contents: [{ part: 'input', ref: 'r1', digest: 'd1', size: 5 }],
  ...more,
})

export const settle = (
  n: number,
  priceNanos: bigint,
  more: Partial<SettleHold> = {},
): SettleHold => ({
  type: 'SettleHold',
  invocationId: call(n),
  model: 'gpt-5-mini',
  priceNanos,
  waivedNanos: 0n,
  costNanos: priceNanos / 2n,
  usageBasis: 'reported',
  quantities: { input_uncached: 10, input_cached: 0, output: 5, reasoning: 0 },
  at: minute(0),
  ...more,
})

export const release = (n: number, more: Partial<ReleaseHold> = {}): ReleaseHold => ({
  type: 'ReleaseHold',
  invocationId: call(n),
  reason: 'interrupted',
  at: minute(0),
  ...more,
})

/** `events`: where the charge is looked up, as a handler does. */
export const adjust = (
  n: number,
  amountNanos: bigint,
  events: readonly AccountEvent[],
  more: Partial<AdjustCharge> = {},
): AdjustCharge => {
  const settled = events.find(
    (event) => event.type === 'HoldSettled' && event.data.invocationId === call(n),
  )
  return {
    type: 'AdjustCharge',
    adjustmentId: `adjustment ${n} ${amountNanos}`,
    invocationId: call(n),
    amountNanos,
    newLotId: lot(1_000 + n),
    ...(settled?.type === 'HoldSettled' && { charged: settled.data.drawn }),
    reason: 'the answer was cut',
    at: minute(0),
    ...more,
  }
}

/** What these commands wrote, one after the other. */
export function after(...commands: readonly AccountCommand[]): AccountEvent[] {
  const events: AccountEvent[] = [opened]
  for (const command of commands) events.push(...given(account, events).when(command).events())
  for (const { type, data } of events) accountEvents[type].schema.parse(data)
  return events
}

/** What the fold says of the account's money. */
export const sums = (events: readonly AccountEvent[], at = minute(0)) => {
  const state = stateOf(account, events)
  return {
    balance: balanceOf(state),
    available: availableOf(state, at),
    held: heldOf(state),
    debt: debtOf(state),
  }
}
