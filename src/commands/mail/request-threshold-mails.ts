/**
 * Asks for the mails about a budget that has reached a threshold: one to each owner and admin of the
 * organization, once, however often the event is seen.
 */
import { periodOf } from '../../domain/account/budgets.ts'
import { accountEvents } from '../../domain/account/events.ts'
import { streamName } from '../../domain/decider.ts'
import { nanosToShort } from '../../domain/money.ts'
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { user } from '../../domain/user/user.ts'
import type { UntoldThreshold } from '../../projections/untold-thresholds.ts'
import { type Root, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { requestMail } from './request-mail.ts'

export async function requestThresholdMails(
  deps: Pick<Deps, 'streams' | 'ids' | 'sealer'>,
  { orgId, eventId, revision, correlationId }: UntoldThreshold,
): Promise<void> {
  const stored = await deps.streams.readOne(streamName('account', orgId), revision)
  if (stored?.type !== 'BudgetThresholdReached') return
  const reached = accountEvents.BudgetThresholdReached.schema.parse(stored.data)
  const { state: host } = await deps.streams.load(organization, orgId)
  if (!host) return
  const told = await peopleToTell(deps, host.members)
  const { ruling, per, period, periodStart, percent, spentNanos, amountNanos, hard } = reached
  const facts = {
    ...(isErased(host.name) ? {} : { organization: host.name }),
    budget: ruling.rule,
    per,
    period,
    percent: String(percent),
    spent: `${nanosToShort(BigInt(spentNanos))} USD`,
    amount: `${nanosToShort(BigInt(amountNanos))} USD`,
    hard: String(hard),
    resets_at: periodOf(period, periodStart).to,
  }
  const cause = systemRoot(
    deps.ids,
    'threshold-mails',
    { id: eventId, correlationId, orgId },
    reached.at,
  )
  for (const { userId, email, locale } of told) {
    // One cause, and a mail of its own for each.
    const root: Root = { ...cause, id: deps.ids.derive(cause.id, userId) }
    await requestMail(deps, root, {
      kind: 'budget_threshold',
      subjectId: userId,
      recipient: email,
      facts,
      locale,
      ofMails: told.length,
    })
  }
}

/** Owners and admins who can be written to. */
async function peopleToTell(
  { streams }: Pick<Deps, 'streams'>,
  members: ReadonlyMap<string, string>,
): Promise<readonly { userId: string; email: string; locale: string }[]> {
  const told = []
  for (const [userId, role] of members) {
    if (role !== 'owner' && role !== 'admin') continue
    const { state: person } = await streams.load(user, userId)
    if (!person?.active || person.provisional || isErased(person.email)) continue
    told.push({ userId, email: person.email, locale: person.locale })
  }
  return told
}
