/**
 * Finds holds that outlived their call: one whose call has ended is settled or released, one whose call
 * has not ended in its time ends it first. The views say where to look, the streams decide.
 */
import type { Deps } from '../commands/deps.ts'
import { callRoot, isOver, loadCall } from '../commands/invocation/flow.ts'
import { expireCall } from '../commands/invocation/end-call.ts'
import { settleCall } from '../commands/invocation/settle-call.ts'
import { holdsPlacedBefore, type OpenHold } from '../projections/open-holds.ts'
import type { Sweep } from './worker.ts'

const NAME = 'settle-invocations'

export const settleInvocations = (deps: Deps): Sweep => ({
  name: NAME,
  async run(signal) {
    let found = 0
    for await (const hold of holdsPlacedBefore(deps.views)) {
      if (signal.aborted) return found
      // The execution settles its own.
      if (deps.calls.get(hold.invocationId)) continue
      if (await endHold(deps, hold)) found++
    }
    return found
  },
})

async function endHold(deps: Deps, hold: OpenHold): Promise<boolean> {
  const { invocationId, orgId, placedAt } = hold
  const invocation = await loadCall(deps, invocationId)
  if (invocation.end) {
    const settled = await settleCall(deps, callRoot(deps, NAME, hold), invocation)
    return settled.position !== undefined
  }
  const deadline = new Date(Date.parse(placedAt) + deps.settings.callLimitMs).toISOString()
  if (!isOver(deps, deadline)) return false
  return (await expireCall(deps, { invocationId, orgId, deadline })).end !== undefined
}
