/**
 * M3, M6, J1: the life of every call across its account and its own stream. What is open is kept; of
 * what has ended only the id, so that a second hold, end or charge is noticed however late it comes.
 */
import type { AccountEvent } from '../../domain/account/events.ts'
import type { InvocationEvent } from '../../domain/invocation/events.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { type Checker, type Place, placed, type Say } from './checker.ts'

/** How much longer than its limit a hold may stand: two sweeps. */
const GRACE_MS = 60_000

interface Call {
  hold: (Place & { at: string; open: boolean }) | undefined
  accepted: (Place & { deadline: string }) | undefined
  ended: boolean
}

export interface CallsOptions {
  readonly callLimitMs: number
  /** The time of the check; the last event's where left out. */
  readonly now?: Date
  /** Since when workers run, where they have not run all the time. */
  readonly workersSince?: Date
  /** Nothing runs any more: whatever is open is a violation. */
  readonly quiet?: boolean
}

export function callsChecker(say: Say, options: CallsOptions): Checker {
  const open = new Map<string, Call>()
  const done = new Set<string>()
  const alive = lifeSigns(options.workersSince)

  const callOf = (id: string): Call => {
    const call = open.get(id) ?? { hold: undefined, accepted: undefined, ended: done.has(id) }
    if (!done.has(id)) open.set(id, call)
    return call
  }

  function settle(id: string, call: Call): void {
    if (!call.ended || call.hold?.open === true) return
    open.delete(id)
    done.add(id)
  }

  function outlived(hold: Place & { at: string }, until: number): boolean {
    const limit = Date.parse(hold.at) + options.callLimitMs
    return until - Math.max(limit, alive.since()) > GRACE_MS
  }

  function readAccount(event: StoredEvent): void {
    const { type, data } = placed<AccountEvent>(event)
    if (type !== 'HoldPlaced' && type !== 'HoldSettled' && type !== 'HoldReleased') return
    const id = data.invocationId
    const call = callOf(id)
    if (type === 'HoldPlaced') {
      if (call.hold || done.has(id)) say('M3', event, `${id} is held a second time`)
      call.hold = { position: event.position, stream: event.stream, at: data.at, open: true }
      return
    }
    if (!call.hold?.open) {
      const what = type === 'HoldSettled' ? 'charged' : 'released'
      return say('M3', event, `${id} is ${what} without an open hold`)
    }
    if (!call.ended) say('M3', event, `the hold of ${id} ended before its call did`)
    if (outlived(call.hold, Date.parse(event.metadata.recordedAt)))
      say('M6', event, `the hold of ${id}, placed ${call.hold.at}, outlived its call`)
    call.hold.open = false
    settle(id, call)
  }

  function readInvocation(event: StoredEvent): void {
    const { type, data } = placed<InvocationEvent>(event)
    const id = data.invocationId
    const call = callOf(id)
    switch (type) {
      case 'InvocationAccepted':
        if (!call.hold?.open) say('M3', event, `${id} was accepted without a hold`)
        if (call.ended) say('M3', event, `${id} was accepted after its end`)
        call.accepted = { position: event.position, stream: event.stream, deadline: data.deadline }
        return
      case 'InvocationCompleted':
      case 'InvocationFailed':
      case 'InvocationCanceled':
        if (call.ended) say('M3', event, `${id} ends a second time`)
        call.ended = true
        return settle(id, call)
      case 'InvocationStarted':
      case 'InvocationAttemptFailed':
      case 'InvocationCancelRequested':
        if (call.ended) say('M3', event, `${id} goes on after its end`)
    }
  }

  return {
    read(event) {
      alive.saw(Date.parse(event.metadata.recordedAt))
      if (event.stream.startsWith('account-')) readAccount(event)
      else if (event.stream.startsWith('invocation-')) readInvocation(event)
    },
    end() {
      const now = options.now?.getTime() ?? alive.last()
      for (const [id, { hold, accepted, ended }] of open) {
        if (hold?.open && (options.quiet === true || outlived(hold, now)))
          say('M6', hold, `the hold of ${id}, placed ${hold.at}, has not ended`)
        const late =
          accepted && now - Math.max(Date.parse(accepted.deadline), alive.since()) > GRACE_MS
        if (accepted && !ended && (options.quiet === true || late))
          say('J1', accepted, `${id} was accepted and has not ended`)
      }
    },
  }
}

/** A gap of a minute in the log may be a server that stood still; what was due then is due afterwards. */
export function lifeSigns(workersSince: Date | undefined) {
  let since = Number.NEGATIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  return {
    saw(at: number) {
      if (at - last > GRACE_MS) since = at
      last = Math.max(last, at)
    },
    since: () => Math.max(since, workersSince?.getTime() ?? since),
    last: () => last,
  }
}
