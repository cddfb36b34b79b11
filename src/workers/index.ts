/** Everything that works on its own: reactions to events, and the sweeps that find what was left. */
import type { Deps } from '../commands/deps.ts'
import type { Sweep, Worker } from './worker.ts'

export function workers(_deps: Deps): Worker[] {
  return []
}

export function sweeps(_deps: Deps): Sweep[] {
  return []
}
