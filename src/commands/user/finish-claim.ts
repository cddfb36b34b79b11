/**
 * The second step of a claim on an address, from what the claim itself says: the same ids, whoever does
 * it (the request, a worker or the sweep after a crash) and however often. A claim whose second step is
 * refused, or whose owner has another address by now, is released, but only when the person's own stream
 * says that it never brings the address any more: another one may be about to take the same step, and be slow.
 */
import { Refusal } from '../../domain/refusal.ts'
import { type EmailClaimed, emailClaim, secondStep } from '../../domain/user/email-claim.ts'
import { type User, user } from '../../domain/user/user.ts'
import { type CommandContext, type Root, step, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { provisionPersonal } from './provision-personal.ts'

/** Who makes the second step: a request's root, or for a worker the event that it saw. */
export type Asked = Partial<Root>

export interface FinishedClaim {
  /** Who holds the address now; undefined where nobody does. */
  readonly user: User | undefined
  /** Why the second step was refused; the claim was released then. */
  readonly refused: Refusal | undefined
  /** Position of the last thing written, where anything was. */
  readonly position: bigint | undefined
}

/**
 * The one root of everything that follows from a claim: the ids are the claim's, the rest says who
 * asked: the request, or what a worker found.
 */
export function claimRoot(
  { ids, clock }: Pick<Deps, 'ids' | 'clock'>,
  claimId: string,
  asked?: Asked,
): Root {
  const root = systemRoot(ids, 'finish-claims', { id: claimId }, clock.now().toISOString())
  if (!asked) return root
  const { id: _id, digest: _digest, ...asking } = asked
  return { ...root, ...asking }
}

/** The append of the second step; carries the key of the request that makes it. */
export function secondStepContext(
  deps: Pick<Deps, 'ids' | 'clock'>,
  claimId: string,
  asked?: Asked,
): CommandContext {
  const context = step(deps.ids, claimRoot(deps, claimId, asked), 'user')
  return asked?.digest === undefined ? context : { ...context, digest: asked.digest }
}

export async function finishClaim(
  deps: Deps,
  emailHmac: string,
  asked?: Asked,
): Promise<FinishedClaim> {
  const { state: claim } = await deps.streams.load(emailClaim, emailHmac)
  const { held } = claim
  if (!held) return { user: undefined, refused: undefined, position: undefined }
  const second = await takeSecondStep(deps, held, asked)
  if (second.user?.claimId !== held.claimId) {
    const person = await endChange(deps, held, second.refused)
    if (person?.claimId === held.claimId)
      return { user: person, refused: undefined, position: undefined }
    await releaseClaim(deps, held, second.refused ? 'refused' : 'changed')
    return { ...second, user: undefined }
  }
  if (second.previous) await releaseClaim(deps, second.previous, 'changed')
  if (held.purpose === 'change') return second
  const provisioned = await provisionPersonal(
    deps,
    claimRoot(deps, held.claimId, asked),
    second.user,
  )
  return { ...second, position: provisioned ?? second.position }
}

type Holding = Pick<EmailClaimed, 'emailHmac' | 'claimId'>

async function takeSecondStep(
  deps: Deps,
  held: EmailClaimed,
  asked: Asked | undefined,
): Promise<FinishedClaim & { previous?: Holding }> {
  const command = secondStep(held)
  const nothing = { user: undefined, position: undefined }
  if (!command) return { ...nothing, refused: new Refusal('user_not_found') }
  try {
    const context = secondStepContext(deps, held.claimId, asked)
    const done = await deps.streams.transact(user, held.userId, command, context)
    const changed = done.events.find((event) => event.type === 'EmailChanged')?.data
    return {
      user: done.state,
      refused: undefined,
      position: done.position,
      ...(changed && {
        previous: { emailHmac: changed.previousEmailHmac, claimId: changed.previousClaimId },
      }),
    }
  } catch (error) {
    if (error instanceof Refusal) return { ...nothing, refused: error }
    throw error
  }
}

/**
 * The one refusal that an operator may take back becomes final on the person's stream, which every change
 * has to be appended to; or the change is found made after all.
 */
async function endChange(
  deps: Deps,
  { claimId, emailHmac, userId }: EmailClaimed,
  refused: Refusal | undefined,
): Promise<User | undefined> {
  if (refused?.code !== 'user_deactivated') return undefined
  const root = claimRoot(deps, claimId)
  const { state } = await deps.streams.transact(
    user,
    userId,
    { type: 'RefuseEmailChange', claimId, emailHmac, reason: 'deactivated', at: root.at },
    step(deps.ids, root, 'refused'),
  )
  return state
}

/** Repeats nothing: a claim that is not held any more stays as it is. */
export async function releaseClaim(
  deps: Pick<Deps, 'streams' | 'ids' | 'clock'>,
  { emailHmac, claimId }: Holding,
  reason: 'changed' | 'refused',
): Promise<void> {
  const root = claimRoot(deps, claimId)
  await deps.streams.transact(
    emailClaim,
    emailHmac,
    { type: 'ReleaseEmail', claimId, reason, at: root.at },
    step(deps.ids, root, 'release'),
  )
}
