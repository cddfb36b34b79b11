/** Finishes agents whose slug was claimed and whose own first event a crash has kept from the log. */
import { finishAgent } from '../commands/agent/create-agent.ts'
import type { Deps } from '../commands/deps.ts'
import { agentsToFinish } from '../projections/unfinished-agents.ts'
import type { Sweep } from './worker.ts'

/** The request that made the claim has this long for the second step. */
const PATIENCE_MS = 60_000

export const finishAgents = (deps: Deps): Sweep => ({
  name: 'finish-agents',
  async run(signal) {
    const before = new Date(deps.clock.now().getTime() - PATIENCE_MS).toISOString()
    let found = 0
    for await (const { document } of agentsToFinish(deps.views)) {
      if (signal.aborted) break
      if (document.claimedAt > before) continue
      await finishAgent(deps, document)
      found += 1
    }
    return found
  },
})
