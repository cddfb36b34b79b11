/**
 * What must be true of the log whatever happened to processes: each call ends once, each hold ends once
 * and after its call, and the balance is what the events say.
 */
import { expect } from 'vitest'
import { BEFORE_ALL, type StoredEvent } from '../../src/ports/event-store.ts'
import type { TestApp } from './app.ts'
import { moneyOf } from './funded.ts'

const TERMINAL = new Set(['InvocationCompleted', 'InvocationFailed', 'InvocationCanceled'])

export async function wholeLog({ app }: TestApp): Promise<StoredEvent[]> {
  const all: StoredEvent[] = []
  for (;;) {
    const page = await app.engine.events.readAll({
      after: all.at(-1)?.position ?? BEFORE_ALL,
      limit: 1_000,
    })
    all.push(...page)
    if (page.length < 1_000) return all
  }
}

const amount = (value: unknown): bigint => BigInt(String(value))
const callIdOf = ({ data }: StoredEvent): string => String(data['invocationId'])

/** @param quiet nothing runs any more: every call and every hold must have ended */
export async function expectCallsWhole(app: TestApp, orgId: string, quiet = true): Promise<void> {
  const log = await wholeLog(app)
  const holds = new Map<string, { amount: bigint; ended: boolean }>()
  const calls = new Map<string, { ends: number; accepted: boolean }>()
  let balance = 0n
  for (const event of log) {
    const { type, data, stream } = event
    if (type.startsWith('Invocation')) {
      const id = callIdOf(event)
      const call = calls.get(id) ?? { ends: 0, accepted: false }
      calls.set(id, call)
      if (type === 'InvocationAccepted') call.accepted = true
      if (TERMINAL.has(type)) call.ends++
      expect(call.ends).toBeLessThanOrEqual(1)
    }
    if (stream !== `account-${orgId}`) continue
    if (type === 'CreditGranted') balance += amount(data['amountNanos'])
    if (type === 'HoldPlaced') {
      expect(holds.has(callIdOf(event))).toBe(false)
      holds.set(callIdOf(event), { amount: amount(data['amountNanos']), ended: false })
    }
    if (type !== 'HoldSettled' && type !== 'HoldReleased') continue
    const hold = holds.get(callIdOf(event))
    if (!hold) throw new Error('a hold that ends was placed')
    expect(hold.ended).toBe(false)
    expect(calls.get(callIdOf(event))?.ends).toBe(1)
    hold.ended = true
    if (type === 'HoldReleased') continue
    const charge = amount(data['chargeNanos'])
    expect(charge).toBeLessThanOrEqual(hold.amount)
    balance -= charge
  }
  const money = await moneyOf(app, orgId)
  expect(money.balance).toBe(balance)
  if (!quiet) return
  expect([...holds.values()].filter((hold) => !hold.ended)).toEqual([])
  expect([...calls.values()].filter((call) => call.ends !== 1)).toEqual([])
  expect(money.held).toBe(0n)
}
