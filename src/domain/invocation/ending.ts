/**
 * What every end of an accepted call says of it: for whom it was, what was used and what becomes of the
 * hold. Priced here, once, by the model that was called last.
 */
import { Refusal } from '../refusal.ts'
import type { Report } from './commands.ts'
import type { Accepted, Attempt, ChainLink, Dimensions, Usage } from './events.ts'
import { type Ending, settle, storedSettlement } from './settlement.ts'

/** What is known at an end: nothing but the time where no execution reports it. */
export type Said = Partial<Report> & { readonly at: string; readonly usage?: Usage }

export function endOf(accepted: Accepted, last: Attempt | undefined, end: Ending, said: Said) {
  const link = linkOf(accepted, last?.model)
  const { abortPolicy, onProviderFailure } = accepted
  const terms = { link, holdNanos: BigInt(accepted.holdNanos), abortPolicy, onProviderFailure }
  return {
    invocationId: accepted.invocationId,
    orgId: accepted.orgId,
    endedAt: said.at,
    of: dimensionsOf(accepted, link.model),
    settlement: storedSettlement(settle(end, terms)),
    ...(end.usage && { usage: end.usage }),
    ...(last && { attempt: last.attempt, callId: last.callId }),
    ...(said.output && { output: said.output }),
    ...(said.latencyMs !== undefined && { latencyMs: said.latencyMs }),
    ...(said.firstByteMs !== undefined && { firstByteMs: said.firstByteMs }),
    ...(said.providerRequestId !== undefined && { providerRequestId: said.providerRequestId }),
  }
}

/** The chain's entry of a model, its first without one. A model that is not in it has no price. */
export function linkOf({ chain }: Accepted, model: string | undefined): ChainLink {
  const link = model === undefined ? chain[0] : chain.find((one) => one.model === model)
  if (!link) throw new Refusal('model_not_found', { model })
  return link
}

function dimensionsOf(accepted: Accepted, model: string): Dimensions {
  const { userId, keyId, endUser, agentId, agentVersion, metadata, acceptedAt, practice } = accepted
  return {
    ...(userId !== undefined && { userId }),
    ...(keyId !== undefined && { keyId }),
    ...(endUser !== undefined && { endUser }),
    agentId,
    agentVersion,
    model,
    metadata,
    acceptedAt,
    practice,
  }
}
