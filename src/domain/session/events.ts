/** What is written about a sign-in and its refresh tokens: the stored contract. No token is ever in it. */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear, personal } from '../personal.ts'

const sessionId = idField('session')
const userId = idField('user')

export const revocationReasons = [
  'logout',
  'ended_by_user',
  'password_changed',
  'user_deactivated',
  /** It began by a Telegram account that is not the person's any more. */
  'telegram_unlinked',
  'replayed',
  /** The person has too many: the oldest give way. */
  'superseded',
  'operator',
] as const
export const revocationReasonSchema = z.enum(revocationReasons)
export type RevocationReason = z.output<typeof revocationReasonSchema>

export const sessionEvents = {
  SessionStarted: event('A person signed in. Refresh generation 1 exists.', {
    sessionId,
    userId,
    method: clear(z.enum(['password', 'telegram'])),
    /** What the person recognises the session by in their list. */
    userAgent: personal(z.string(), 'userId').optional(),
    address: personal(z.string(), 'userId').optional(),
    /** Issue time of generation 1. */
    at: instant,
    /** Without a refresh the session ends here. */
    idleUntil: instant,
    /** Here it ends in any case. */
    endsAt: instant,
  }),
  SessionRefreshed: event('The refresh token was exchanged for its successor.', {
    sessionId,
    userId,
    /** Of the successor: one more than the generation that was presented. */
    generation: clear(z.int().min(2)),
    at: instant,
    idleUntil: instant,
  }),
  OrganizationSelected: event(
    'Requests of this session that name no organization act in this one.',
    {
      sessionId,
      userId,
      orgId: idField('organization'),
      at: instant,
    },
  ),
  SessionRevoked: event('No token of this session is good any more.', {
    sessionId,
    userId,
    reason: clear(revocationReasonSchema),
    at: instant,
  }),
}
export type SessionEvent = EventsOf<typeof sessionEvents>
