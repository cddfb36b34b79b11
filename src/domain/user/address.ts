/**
 * What of a person is about the address: which claim holds it, and the claims that never bring it any more.
 * A claim is released only after its end stands on this stream, so a late change finds it here.
 */
import type { Id } from '../ids.ts'
import type { Maybe } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import type { UserEvent } from './events.ts'

type ChangeRefused = Extract<UserEvent, { type: 'EmailChangeRefused' }>['data']

/** `followed`: the person had the address, and has had another since. */
export interface EndedEmailClaim {
  readonly claimId: Id<'claim'>
  readonly why: 'followed' | ChangeRefused['reason']
}

export interface AddressSide {
  readonly userId: Id<'user'>
  readonly active: boolean
  readonly email: Maybe<string>
  readonly emailHmac: string
  /** When the present address was asked for. */
  readonly emailSince: string
  /** The claim that holds the present address. */
  readonly claimId: Id<'claim'>
  readonly emailEnded: readonly EndedEmailClaim[]
  /** The present address was made up by us: nobody reads mail there. */
  readonly provisional: boolean
}

export type ChangeEmail = {
  readonly type: 'ChangeEmail'
  readonly email: string
  readonly emailHmac: string
  readonly claimId: Id<'claim'>
  readonly at: string
}

/** What ChangeEmail was refused for becomes final, so that the claim can be released. */
export type RefuseEmailChange = {
  readonly type: 'RefuseEmailChange'
} & Omit<ChangeRefused, 'userId'>

const saidOf = { followed: 'email_unchanged', deactivated: 'user_deactivated' } as const

/**
 * Refused as `user_deactivated` it may be made later; RefuseEmailChange ends that. Every other refusal is
 * final.
 */
export function changeEmail(command: ChangeEmail, user: AddressSide): readonly UserEvent[] {
  const { email, emailHmac, claimId, at } = command
  // Also for who was deactivated since: the address is theirs.
  if (claimId === user.claimId) return []
  const ended = endOf(user, claimId)
  if (ended) throw new Refusal(saidOf[ended.why])
  if (!user.active) throw new Refusal('user_deactivated')
  // The present address, or a change that a crash held up until a newer one had overtaken it.
  if (emailHmac === user.emailHmac || at < user.emailSince) throw new Refusal('email_unchanged')
  const previous = {
    previousEmail: user.email,
    previousEmailHmac: user.emailHmac,
    previousClaimId: user.claimId,
    ...(user.provisional && { previousProvisional: true as const }),
  }
  return [
    {
      type: 'EmailChanged',
      data: { userId: user.userId, email, emailHmac, claimId, ...previous, at },
    },
  ]
}

export function refuseEmailChange(
  command: RefuseEmailChange,
  user: AddressSide,
): readonly UserEvent[] {
  const { type: _, ...refused } = command
  if (refused.claimId === user.claimId || endOf(user, refused.claimId)) return []
  return [{ type: 'EmailChangeRefused', data: { userId: user.userId, ...refused } }]
}

export const endOf = (
  { emailEnded }: Pick<AddressSide, 'emailEnded'>,
  claimId: string,
): EndedEmailClaim | undefined => emailEnded.find((one) => one.claimId === claimId)
