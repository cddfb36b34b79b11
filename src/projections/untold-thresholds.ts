/**
 * Budgets that have reached a threshold, until every mail about it was asked for: empty but for what a
 * crash has left. End users are too many to write about: theirs are events and nothing more.
 */
import { accountEvents } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import { mailEvents } from '../domain/mail/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

/** Holds nothing personal: it also travels as a job. */
export interface UntoldThreshold {
  readonly orgId: string
  /** The event, its place in the account's stream, and the request at its root. */
  readonly eventId: string
  readonly revision: number
  readonly correlationId: string
  /** Mails that were asked for. */
  readonly requested: number
}

const events = { ...accountEvents, ...mailEvents }

export function untoldOf({
  type,
  data,
  id,
  stream,
  revision,
  metadata,
}: Pick<ProjectedEvent, 'type' | 'data' | 'id' | 'stream' | 'revision' | 'metadata'>):
  | UntoldThreshold
  | undefined {
  if (type !== 'BudgetThresholdReached' || data['per'] === 'end_user') return undefined
  return {
    orgId: parseStreamName(stream).id,
    eventId: id,
    revision,
    correlationId: metadata.$correlationId,
    requested: 0,
  }
}

export const untoldThresholds = projection<UntoldThreshold, typeof events>(events, {
  name: 'untold-thresholds',
  version: 1,
  indexes: {},
  on: {
    BudgetThresholdReached: {
      keys: (event) => (untoldOf(event) ? event.id : undefined),
      project: (_view, event) => untoldOf(event),
    },
    MailRequested: {
      keys: ({ data, metadata }) =>
        data.kind === 'budget_threshold' ? metadata.$causationId : undefined,
      project(view, { data }) {
        if (!view) return undefined
        const requested = view.requested + 1
        return requested >= (data.ofMails ?? 1) ? undefined : { ...view, requested }
      },
    },
  },
})

export const thresholdsToTell = (
  views: Views,
): AsyncIterable<{ key: string; document: UntoldThreshold }> => views.all(untoldThresholds)
