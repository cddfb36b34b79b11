/**
 * What follows from a claim on a Telegram account: for a newcomer the claim on a made-up address, the
 * person with organization, account and plan; for everybody the link. The same ids, whoever does it (the
 * request, a worker or the sweep after a crash) and however often. A claim whose link is refused, or was
 * undone, is released, but only when the person's own stream says that it never links any more: another
 * one may be about to take the same step, and be slow.
 */
import { Refusal } from '../../../domain/refusal.ts'
import { emailClaim } from '../../../domain/user/email-claim.ts'
import {
  linkOf,
  provisionalEmail,
  type TelegramClaimed,
  telegramClaim,
} from '../../../domain/user/telegram-claim.ts'
import { endedBy, isLinkedBy } from '../../../domain/user/telegram-account.ts'
import { type User, type UserState, user } from '../../../domain/user/user.ts'
import { newId, type Root, step, unkeyedStep } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import { emailHmacOf } from '../find-user.ts'
import { type Asked, claimRoot, finishClaim } from '../finish-claim.ts'

export interface FinishedTelegramClaim {
  /** Whose account it is now; undefined where it is nobody's. */
  readonly user: User | undefined
  /** Why the link was refused; the claim was released then. */
  readonly refused: Refusal | undefined
  /** Position of the last thing written, where anything was. */
  readonly position: bigint | undefined
}

type Holding = Pick<TelegramClaimed, 'telegramHmac' | 'claimId'>

/** One code may be shown to two Telegram accounts: what follows from their claims is told apart. */
const rootOf = (deps: Deps, { claimId, telegramHmac }: Holding, asked?: Asked): Root =>
  claimRoot(deps, `${claimId}/${telegramHmac}`, asked)

export async function finishTelegramClaim(
  deps: Deps,
  telegramHmac: string,
  asked?: Asked,
): Promise<FinishedTelegramClaim> {
  const { state: claim } = await deps.streams.load(telegramClaim, telegramHmac)
  const { held } = claim
  if (!held) return { user: undefined, refused: undefined, position: undefined }
  const registered = held.purpose === 'registration' ? await register(deps, held, asked) : undefined
  const linked = await link(deps, held, asked)
  if (linked.user) return { ...linked, position: linked.position ?? registered?.position }
  const person = await endLink(deps, held, linked.refused)
  if (person && isLinkedBy(person, held))
    return { user: person, refused: undefined, position: registered?.position }
  const unlinked = person && endedBy(person, held)?.why === 'unlinked'
  await releaseTelegramClaim(deps, held, unlinked ? 'unlinked' : 'refused')
  return linked
}

/** The person without an address: one is made up from the claim, and says so. */
async function register(
  deps: Deps,
  held: TelegramClaimed,
  asked: Asked | undefined,
): Promise<{ position: bigint | undefined } | undefined> {
  const { userId, locale, personalOrgId, at } = held
  if (locale === undefined || personalOrgId === undefined) return undefined
  const { state: known } = await deps.streams.load(user, userId)
  const email = provisionalEmail(held.claimId)
  const emailHmac = emailHmacOf(deps, email)
  const root = rootOf(deps, held, asked)
  const claimId = newId(deps.ids, root, 'claim', 'email')
  // Whoever has another address by now has given the made-up one up.
  if (known && known.claimId !== claimId) return undefined
  const claimed = await deps.streams.transact(
    emailClaim,
    emailHmac,
    {
      type: 'ClaimEmail',
      purpose: 'registration',
      claimId,
      userId,
      personalOrgId,
      email,
      emailHmac,
      locale,
      provisional: true,
      at,
    },
    unkeyedStep(deps.ids, root, 'email'),
  )
  // Without the key of the request: what follows finds its repeats by the claim.
  const { digest: _digest, ...asking } = asked ?? {}
  const { position } = await finishClaim(deps, emailHmac, asking)
  return { position: position ?? claimed.position }
}

async function link(
  deps: Deps,
  held: TelegramClaimed,
  asked: Asked | undefined,
): Promise<FinishedTelegramClaim> {
  const nothing = { user: undefined, position: undefined }
  const command = linkOf(held)
  if (!command) return { ...nothing, refused: new Refusal('user_not_found') }
  try {
    const context = unkeyedStep(deps.ids, rootOf(deps, held, asked), 'telegram')
    const { state, position } = await deps.streams.transact(user, held.userId, command, context)
    return { user: state, refused: undefined, position }
  } catch (error) {
    if (error instanceof Refusal) return { ...nothing, refused: error }
    throw error
  }
}

/**
 * Makes the refusal final on the person's stream, which every link has to be appended to; or finds it
 * linked after all. undefined: there is nobody, since what the claim held was erased before.
 */
async function endLink(
  deps: Deps,
  held: TelegramClaimed,
  refused: Refusal | undefined,
): Promise<UserState> {
  const { claimId, telegramHmac, userId } = held
  const root = rootOf(deps, held)
  const reason = refused?.code === 'telegram_already_linked' ? 'another_linked' : 'deactivated'
  try {
    const { state } = await deps.streams.transact(
      user,
      userId,
      { type: 'RefuseTelegramLink', claimId, telegramHmac, reason, at: root.at },
      step(deps.ids, root, 'telegram-refused'),
    )
    return state
  } catch (error) {
    if (error instanceof Refusal && error.code === 'user_not_found') return undefined
    throw error
  }
}

/** Repeats nothing: a claim that is not held any more stays as it is. */
export async function releaseTelegramClaim(
  deps: Deps,
  holding: Holding,
  reason: 'unlinked' | 'refused',
): Promise<void> {
  const { telegramHmac, claimId } = holding
  const root = rootOf(deps, holding)
  await deps.streams.transact(
    telegramClaim,
    telegramHmac,
    { type: 'ReleaseTelegram', claimId, reason, at: root.at },
    step(deps.ids, root, 'release'),
  )
}
