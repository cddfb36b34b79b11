/**
 * Which plan a subscription is on at a time. A provider changes to a smaller plan at once and charges for
 * it from the next period; what is paid for stays in force here until that begins. A function of the set
 * of messages and of what was asked: a wish that the provider never carried out changes nothing.
 */
import type { Message, PlanChange } from './message.ts'

interface Version {
  readonly planId: string
  readonly planVersion: number
}
export interface PlanAt extends Version {
  /** The plan that takes its place, and when. */
  readonly next?: Version & { readonly at: string }
}

interface Said extends Version {
  readonly messages: readonly Message[]
  readonly changes: readonly PlanChange[]
}

export function planAt({ messages, changes, ...last }: Said, at: string): PlanAt {
  let present: PlanAt | undefined
  let period: PaidFor | undefined
  for (const message of messages) {
    const next = periodAfter(period, message)
    if (next?.start !== period?.start) present = undefined
    else if (present?.next && next)
      present = { ...present, next: { ...present.next, at: next.end } }
    period = next
    const said = versionOf(message)
    if (said) present = afterMessage(present, said, changes, period)
  }
  const { next, ...now } = present ?? { planId: last.planId, planVersion: last.planVersion }
  if (!next) return now
  const { at: from, ...then } = next
  return at < from ? { ...now, next } : then
}

/** The time that is paid for; the seller may move its end, so it has had more than one. */
interface PaidFor {
  readonly start: string
  readonly end: string
  readonly ends: readonly string[]
}

function periodAfter(
  before: PaidFor | undefined,
  { periodStart, periodEnd: end }: Message,
): PaidFor | undefined {
  if (end === undefined || end === before?.end) return before
  const start = periodStart ?? end
  return start === before?.start
    ? { start, end, ends: [...before.ends, end] }
    : { start, end, ends: [end] }
}

/** Every end that the running period has had, as far as the provider has said. */
export const endsOfPeriod = (messages: readonly Message[]): readonly string[] =>
  messages.reduce<PaidFor | undefined>(periodAfter, undefined)?.ends ?? []

const versionOf = ({ planId, planVersion }: Message): Version | undefined =>
  planId === undefined || planVersion === undefined ? undefined : { planId, planVersion }

function afterMessage(
  before: PlanAt | undefined,
  said: Version,
  changes: readonly PlanChange[],
  period: PaidFor | undefined,
): PlanAt {
  if (before && isSame(before, said)) return said
  if (before?.next && isSame(before.next, said)) return before
  // The last wish for it: what was paid for at once waits for nothing, though it was wished to wait before.
  const wished = changes.findLast(
    (one) =>
      agrees(one, said, before) &&
      (one.effective === 'now' || period?.ends.includes(one.effectiveAt ?? '')),
  )
  if (wished?.effective !== 'period_end' || !period) return said
  const { planId, planVersion } = before ?? {
    planId: wished.fromPlanId,
    planVersion: wished.fromPlanVersion,
  }
  return { planId, planVersion, next: { ...said, at: period.end } }
}

const isSame = (a: Version, b: Version): boolean =>
  a.planId === b.planId && a.planVersion === b.planVersion

/** Another version is another plan only where it was wished as one. */
const agrees = (change: PlanChange, said: Version, before: Version | undefined): boolean =>
  change.planId === said.planId &&
  (change.planVersion === said.planVersion || said.planId !== before?.planId)
