/**
 * What the end of a call means for the account: its hold is settled or released, once, by whoever comes
 * first (the execution, a joined caller, the sweep). Only after the terminal event; its own pricing is
 * what counts. Texts that the agent does not keep go before: while the hold is open, a crash in between
 * is found again.
 */
import { account } from '../../domain/account/account.ts'
import type { AccountEvent } from '../../domain/account/events.ts'
import { balanceOf, holdOf } from '../../domain/account/state.ts'
import type { Terminal } from '../../domain/invocation/events.ts'
import type { Invocation } from '../../domain/invocation/invocation.ts'
import { readSettlement } from '../../domain/invocation/settlement.ts'
import type { Position } from '../../ports/event-store.ts'
import { giveBack } from '../admission/limiter.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { accountStep, instantOf } from './flow.ts'

export interface Settled {
  readonly balanceNanos: bigint
  /** Of what was written now; undefined where the hold had ended before. */
  readonly position: Position | undefined
}

/** @param invocation one that has ended */
export async function settleCall(
  deps: Pick<Deps, 'streams' | 'ids' | 'clock' | 'contents' | 'logger' | 'limits'>,
  root: Root,
  invocation: Invocation,
): Promise<Settled> {
  const { end } = invocation
  if (!end) throw new Error('the call has not ended')
  const { invocationId, orgId } = end.data
  const { state } = await deps.streams.load(account, orgId)
  // Ended, or known here to have ended: the fold forgets old holds, so the wish is not repeated.
  if (!holdOf(state, invocationId)) return { balanceNanos: balanceOf(state), position: undefined }
  await forgetTexts(deps, invocation)
  const { name, command } = settlementCommand(end, instantOf(deps))
  const result = await deps.streams.transact(account, orgId, command, accountStep(deps, root, name))
  // Once: whoever comes second has written nothing.
  if (result.events.length > 0) await giveLimitsBack(deps, invocation)
  return {
    balanceNanos: result.events.map(balanceAfter).find(isKnown) ?? balanceOf(result.state),
    position: result.position,
  }
}

const isKnown = (balance: bigint | undefined) => balance !== undefined
/** As the event has it: later charges of the same moment are not in it. */
const balanceAfter = ({ type, data }: AccountEvent): bigint | undefined =>
  (type === 'HoldSettled' || type === 'HoldReleased') && data.balanceNanos !== undefined
    ? BigInt(data.balanceNanos)
    : undefined

/** Its place goes to the next call, and its tokens are counted as they were. */
async function giveLimitsBack(
  { limits, logger }: Pick<Deps, 'limits' | 'logger'>,
  { accepted, end }: Invocation,
): Promise<void> {
  const taken = accepted?.decision?.taken ?? []
  if (taken.length === 0 || !accepted || !end) return
  try {
    await giveBack(limits, taken, accepted.invocationId, tokensOf(end))
  } catch (error) {
    logger.warn({ invocationId: accepted.invocationId, error }, 'limits not given back')
  }
}

/** 0 where the provider was never asked; undefined where nobody knows. */
function tokensOf({ data: { usage, attempt } }: Terminal): number | undefined {
  if (!usage) return attempt === undefined ? 0 : undefined
  if (usage.basis === 'unknown') return undefined
  const { input_uncached, input_cached, output, reasoning } = usage.quantities
  return input_uncached + input_cached + output + reasoning
}

/** An agent that keeps no texts: what was stored for the call goes with its end. */
async function forgetTexts(
  { contents, logger }: Pick<Deps, 'contents' | 'logger'>,
  { accepted }: Invocation,
): Promise<void> {
  if (!accepted || accepted.store) return
  const refs = [...new Set([accepted.input.ref, accepted.messages.ref])]
  await contents
    .delete(refs)
    .catch((error: unknown) => logger.warn({ error }, 'texts of an ended call not deleted'))
}

function settlementCommand(end: Terminal, at: string) {
  const { invocationId, usage, of } = end.data
  const settlement = readSettlement(end.data.settlement)
  if (settlement.kind === 'release')
    return {
      name: 'release',
      command: { type: 'ReleaseHold', invocationId, reason: settlement.reason, at },
    } as const
  if (!usage || !of) throw new Error('a settled call was accepted and has usage')
  const { priceNanos, waivedNanos, costNanos } = settlement
  return {
    name: 'settle',
    command: {
      type: 'SettleHold',
      invocationId,
      priceNanos,
      waivedNanos,
      costNanos,
      model: of.model,
      usageBasis: usage.basis,
      ...(usage.basis === 'unknown' ? {} : { quantities: usage.quantities }),
      at,
    },
  } as const
}
