/**
 * What the end of a call means for the account: its hold is settled or released, once, by whoever comes
 * first (the execution, a joined caller, the sweep). Only after the terminal event; its own pricing is
 * what counts.
 */
import { account } from '../../domain/account/account.ts'
import type { AccountEvent } from '../../domain/account/events.ts'
import { balanceOf, holdOf } from '../../domain/account/state.ts'
import type { Terminal } from '../../domain/invocation/events.ts'
import { readSettlement } from '../../domain/invocation/settlement.ts'
import type { Position } from '../../ports/event-store.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { accountStep, instantOf } from './flow.ts'

export interface Settled {
  readonly balanceNanos: bigint
  /** Of what was written now; undefined where the hold had ended before. */
  readonly position: Position | undefined
}

export async function settleCall(
  deps: Pick<Deps, 'streams' | 'ids' | 'clock'>,
  root: Root,
  end: Terminal,
): Promise<Settled> {
  const { invocationId, orgId } = end.data
  const { state } = await deps.streams.load(account, orgId)
  // Ended, or known here to have ended: the fold forgets old holds, so the wish is not repeated.
  if (!holdOf(state, invocationId)) return { balanceNanos: balanceOf(state), position: undefined }
  const { name, command } = settlementCommand(end, instantOf(deps))
  const result = await deps.streams.transact(account, orgId, command, accountStep(deps, root, name))
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
