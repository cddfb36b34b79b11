/** The flow of a call, with every `|` in it, and what can happen beside it. */
import type { CrashData } from '../support/crash-data.ts'
import type { Asked } from '../support/servers.ts'
import type { Behaviour } from '../support/upstream.ts'
import { after, before, type Effects, type Flow, type Outcome, PROMPT, sweptAfter } from './flow.ts'

const invoke = (agentId: string, { person }: CrashData): Asked => ({
  line: `POST /agents/${agentId}/invoke`,
  key: 'invoke-1',
  token: person.token,
  body: { input: PROMPT, user: 'end user 4417' },
})
const completed: Effects = {
  HoldPlaced: 1,
  InvocationAccepted: 1,
  InvocationStarted: 1,
  InvocationCompleted: 1,
  HoldSettled: 1,
}
/** The attempt died with its process and is never repeated; it costs nothing. */
export const interrupted: Outcome = {
  status: 502,
  effects: {
    HoldPlaced: 1,
    InvocationAccepted: 1,
    InvocationStarted: 1,
    InvocationFailed: 1,
    HoldReleased: 1,
  },
}
const cutShort = { ends: interrupted, swept: true } as const

export const invoking: Flow = {
  name: 'invoke',
  asks: (data) => invoke(data.agentId, data),
  status: 200,
  effects: completed,
  points: [
    { at: 'content', when: 'before' },
    { at: 'content', when: 'after' },
    after('HoldPlaced'),
    before('InvocationStarted'),
    { ...after('InvocationStarted'), ...cutShort },
    { at: 'call', when: 'before', ...cutShort },
    { at: 'chunk', ...cutShort },
    { at: 'chunk', n: 3, ...cutShort },
    { at: 'call', when: 'after', ...cutShort },
    { at: 'content', when: 'after', n: 2, ...cutShort },
    { ...before('InvocationCompleted'), ...cutShort },
    sweptAfter('InvocationCompleted'),
    { ...before('HoldSettled'), swept: true },
    sweptAfter('HoldSettled'),
    { at: 'answer', swept: true },
  ],
}

const streaming: Flow = {
  ...invoking,
  name: 'invoke with a stream',
  asks: (data) => {
    const asked = invoke(data.agentId, data)
    return { ...asked, body: { ...(asked.body as object), stream: true } }
  },
  points: [
    { at: 'chunk', n: 2, swept: true, ends: interrupted },
    sweptAfter('InvocationCompleted'),
  ],
}

const failingTwice = { status: 429, error: { code: 'rate_limit_exceeded' } } as const
const retrying: Flow = {
  name: 'invoke, the provider refusing at first',
  asks: (data) => invoke(data.agentId, data),
  provider: [failingTwice],
  status: 200,
  effects: { ...completed, InvocationStarted: 2, InvocationAttemptFailed: 1 },
  points: [
    {
      ...before('InvocationAttemptFailed'),
      ...cutShort,
    },
    { ...after('InvocationAttemptFailed'), swept: true },
    {
      ...after('InvocationStarted'),
      n: 2,
      swept: true,
      ends: {
        status: 502,
        effects: { ...interrupted.effects, InvocationStarted: 2, InvocationAttemptFailed: 1 },
      },
    },
  ],
}

const LATER = { prefer: 'respond-async' }
const slow: Behaviour = { text: ['a ', 'b ', 'c ', 'd '], delayMs: 60 }

/** One place for calls, and it is taken: this one waits as a job. */
const waitingForItsTurn: Flow = {
  name: 'invoke, waiting for a place',
  environment: { CALLS_AT_ONCE: '1' },
  provider: [slow],
  first: (data) => ({ ...invoke(data.agentId, data), key: 'invoke-0', headers: LATER }),
  asks: (data) => ({ ...invoke(data.agentId, data), headers: LATER }),
  status: 202,
  effects: {
    HoldPlaced: 2,
    InvocationAccepted: 2,
    InvocationStarted: 2,
    InvocationFailed: 1,
    InvocationCompleted: 1,
    HoldReleased: 1,
    HoldSettled: 1,
  },
  points: [
    { ...after('HoldPlaced'), n: 2 },
    { ...before('InvocationAccepted'), n: 2 },
    { ...after('InvocationAccepted'), n: 2, swept: true },
    { ...after('InvocationStarted'), n: 2, swept: true },
  ],
}

const canceled: Effects = {
  HoldPlaced: 1,
  InvocationAccepted: 1,
  InvocationStarted: 1,
  InvocationCancelRequested: 1,
  InvocationCanceled: 1,
  HoldSettled: 1,
}
const brokenOff: Effects = { ...interrupted.effects, InvocationCancelRequested: 1 }

const cancelingCall: Flow = {
  name: 'cancel a call',
  provider: [{ after: 2, ending: 'stall' }],
  first: (data) => ({ ...invoke(data.cancelableId, data), headers: LATER }),
  asks: ({ person }, first) => {
    const { invocation_id: id } = JSON.parse(first?.text ?? '{}') as { invocation_id?: string }
    return { line: `POST /invocations/${id}/cancel`, key: 'cancel-call-1', token: person.token }
  },
  status: 200,
  effects: canceled,
  points: [
    {
      ...before('InvocationCancelRequested'),
      swept: true,
      ends: { status: 409, effects: interrupted.effects },
    },
    {
      ...after('InvocationCancelRequested'),
      swept: true,
      ends: { status: 200, effects: brokenOff },
    },
    { ...before('InvocationCanceled'), swept: true, ends: { status: 200, effects: brokenOff } },
    sweptAfter('InvocationCanceled'),
    sweptAfter('HoldSettled'),
  ],
}

export const callFlows: readonly Flow[] = [
  invoking,
  streaming,
  retrying,
  waitingForItsTurn,
  cancelingCall,
]
