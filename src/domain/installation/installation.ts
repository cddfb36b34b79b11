/**
 * The switches of the whole installation: one stream, which every process keeps at hand, so that what is
 * said here bites with the next request.
 */
import type { Decider } from '../decider.ts'
import type { InstallationEvent } from './events.ts'

/** The only stream's id. */
export const INSTALLATION = 'platform'

export interface Installation {
  /** Since when, and why, no call to a model begins; undefined: calls begin. */
  readonly stopped: { readonly since: string; readonly reason: string | undefined } | undefined
}

export type InstallationCommand =
  | { readonly type: 'StopCalls'; readonly reason?: string; readonly at: string }
  | { readonly type: 'ResumeCalls'; readonly at: string }

export const installation: Decider<Installation, InstallationCommand, InstallationEvent> = {
  category: 'installation',
  initial: () => ({ stopped: undefined }),
  decide({ type, ...data }, { stopped }) {
    if (type === 'ResumeCalls') return stopped ? [{ type: 'CallsResumed', data }] : []
    // Another reason for the same stop is no other stop.
    return stopped ? [] : [{ type: 'CallsStopped', data }]
  },
  evolve: (_state, { type, data }) => ({
    stopped: type === 'CallsStopped' ? { since: data.at, reason: data.reason } : undefined,
  }),
}
