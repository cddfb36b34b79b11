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
  let periodEnd: string | undefined
  for (const message of messages) {
    const isNewPeriod = message.periodEnd !== undefined && message.periodEnd !== periodEnd
    if (isNewPeriod) periodEnd = message.periodEnd
    const said = versionOf(message)
    if (said) present = afterMessage(isNewPeriod ? undefined : present, said, changes, periodEnd)
  }
  const { next, ...now } = present ?? { planId: last.planId, planVersion: last.planVersion }
  if (!next) return now
  const { at: from, ...then } = next
  return at < from ? { ...now, next } : then
}

const versionOf = ({ planId, planVersion }: Message): Version | undefined =>
  planId === undefined || planVersion === undefined ? undefined : { planId, planVersion }

function afterMessage(
  before: PlanAt | undefined,
  said: Version,
  changes: readonly PlanChange[],
  periodEnd: string | undefined,
): PlanAt {
  if (before && isSame(before, said)) return said
  if (before?.next && isSame(before.next, said)) return before
  // The last wish for it: what was paid for at once waits for nothing, though it was wished to wait before.
  const wished = changes.findLast(
    (one) =>
      agrees(one, said, before) && (one.effective === 'now' || one.effectiveAt === periodEnd),
  )
  if (wished?.effective !== 'period_end' || periodEnd === undefined) return said
  const { planId, planVersion } = before ?? {
    planId: wished.fromPlanId,
    planVersion: wished.fromPlanVersion,
  }
  return { planId, planVersion, next: { ...said, at: periodEnd } }
}

const isSame = (a: Version, b: Version): boolean =>
  a.planId === b.planId && a.planVersion === b.planVersion

/** Another version is another plan only where it was wished as one. */
const agrees = (change: PlanChange, said: Version, before: Version | undefined): boolean =>
  change.planId === said.planId &&
  (change.planVersion === said.planVersion || said.planId !== before?.planId)
