/** The starts that are killed while they take up what a kill has left. */
import type { CrashPoint } from '../support/crash-server.ts'
import { interrupted, invoking } from './call-flows.ts'
import { after, before, type Recovery } from './flow.ts'
import { paying } from './paddle-flows.ts'
import { registration } from './people-flows.ts'

const starting = (point: CrashPoint): CrashPoint => ({ ...point, starting: true })

export const recoveries: readonly Recovery[] = [
  {
    name: 'finishing a registration',
    flow: registration,
    left: after('EmailClaimed'),
    points: [
      before('UserRegistered'),
      ...Object.keys(registration.effects)
        .filter((type) => type !== 'EmailClaimed')
        .map(after),
    ].map(starting),
    ends: registration,
  },
  {
    name: 'interrupting a call',
    flow: invoking,
    left: after('InvocationStarted'),
    points: [before('InvocationFailed'), after('InvocationFailed'), after('HoldReleased')].map(
      starting,
    ),
    ends: interrupted,
  },
  {
    name: 'ending a hold that was never accepted',
    flow: invoking,
    left: after('HoldPlaced'),
    agoMs: 60 * 60_000,
    points: [before('InvocationFailed'), after('InvocationFailed'), after('HoldReleased')].map(
      starting,
    ),
    ends: { status: 502, effects: { HoldPlaced: 1, InvocationFailed: 1, HoldReleased: 1 } },
  },
  {
    name: 'applying what Paddle told',
    flow: paying,
    left: after('PaddleEventReceived'),
    points: [after('PaymentReceived'), after('CreditGranted')].map(starting),
    ends: paying,
  },
  {
    name: 'settling',
    flow: invoking,
    left: after('InvocationCompleted'),
    points: [before('HoldSettled'), after('HoldSettled')].map(starting),
    ends: invoking,
  },
]
