/**
 * Every invariant of the design that can be seen from outside: those of the log, then what was made
 * from the log (folded accounts with their snapshots, views) against the log. For operators and tests.
 */
import type { App } from '../../app.ts'
import { CLOCKS_APART_MS } from '../../commands/invocation/flow.ts'
import { account } from '../../domain/account/account.ts'
import { balanceOf } from '../../domain/account/state.ts'
import { catalogue } from '../../domain/catalogue.ts'
import { parseStreamName } from '../../domain/decider.ts'
import type { Tally } from './accounts.ts'
import type { Invariant, Violation } from './checker.ts'
import { checkLog, type LogOptions } from './log.ts'

export { type Invariant, invariants, type Violation } from './checker.ts'
export { checkLog, createLogCheck, type LogOptions, type LogReport } from './log.ts'

export type Checked = Pick<App, 'config' | 'deps' | 'engine' | 'runner'>
export interface CheckOptions extends Partial<LogOptions> {
  readonly onProgress?: (label: string, done: bigint, total: bigint) => void
}
export interface CheckReport {
  readonly events: number
  readonly position: bigint
  readonly accounts: number
  readonly documents: number
  /** The first of them; `counts` has all. */
  readonly violations: readonly Violation[]
  readonly counts: ReadonlyMap<Invariant, number>
}

export async function checkInvariants(
  app: Checked,
  { onProgress, ...options }: CheckOptions = {},
): Promise<CheckReport> {
  const { engine, deps } = app
  const tell = (label: string) => (done: bigint, total: bigint) => onProgress?.(label, done, total)
  const log = await checkLog(
    engine.events,
    {
      catalogue,
      callLimitMs: app.config.CALL_LIMIT * 1_000 + (engine.singleProcess ? 0 : CLOCKS_APART_MS),
      now: deps.clock.now(),
      ...options,
    },
    tell('log'),
  )
  const accounts = await foldedAccounts(app, log.tallies)
  const views = await replayedViews(app, tell('views'))
  const more = [...accounts, ...views.violations]
  const counts = new Map(log.counts)
  for (const { invariant } of more) counts.set(invariant, (counts.get(invariant) ?? 0) + 1)
  return {
    events: log.events,
    position: log.position,
    accounts: log.tallies.size,
    documents: views.documents,
    violations: [...log.violations, ...more],
    counts,
  }
}

/** M1 once more: what the server believes of each account, with its snapshots, against the sums. */
async function foldedAccounts(
  { deps, engine }: Checked,
  tallies: ReadonlyMap<string, Tally>,
): Promise<Violation[]> {
  const violations: Violation[] = []
  for (const [stream, tally] of tallies) {
    const { state, revision } = await deps.streams.load(account, parseStreamName(stream).id)
    const balance = balanceOf(state)
    // Written to meanwhile: the next check sees it.
    if (revision !== tally.revision || balance === tally.balance) continue
    const [last] = await engine.events.readStream(stream, { after: revision - 1, limit: 1 })
    violations.push({
      invariant: 'M1',
      position: last?.position,
      where: stream,
      sentence: `the server believes ${balance} nano-USD, the log says ${tally.balance}`,
    })
  }
  return violations
}

async function replayedViews(
  { runner, engine }: Checked,
  onProgress: (done: bigint, total: bigint) => void,
): Promise<{ violations: Violation[]; documents: number }> {
  const violations: Violation[] = []
  let documents = 0
  const report = (invariant: 'P1' | 'P3', where: string, sentence: string) =>
    violations.push({ invariant, position: undefined, where, sentence })
  for (const { name, checkpoint, stopped } of runner.status()) {
    // The head is read after the checkpoint: meanwhile the log only grows.
    const head = await engine.events.head()
    if (checkpoint > head)
      report('P3', name, `the view has passed position ${checkpoint}, the log ends at ${head}`)
    if (stopped !== undefined) report('P1', name, `the view stands still: ${stopped}`)
  }
  for (const { name, documents: count, different } of await runner.verify(onProgress)) {
    documents += count
    for (const key of different) report('P1', name, `document ${key} differs from a fresh replay`)
  }
  return { violations, documents }
}
