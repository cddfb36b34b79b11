/**
 * What one request made happen: its events, each under what caused it, and what workers went on to do
 * with the calls that it began. A cause is an event, or a command that is no event (the request itself, a
 * sweep).
 */
import { parseStreamName } from '../../domain/decider.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { type HistoryDeps, historyPage } from './read-history.ts'
import type { AuditReader } from './reader.ts'

export interface CausalNode {
  readonly event: StoredEvent
  readonly caused: readonly CausalNode[]
}
export interface CausalTree {
  readonly correlationId: string
  /** In the order of the log. Each with the id of what caused it, which is no event of this tree. */
  readonly roots: readonly {
    readonly causationId: string
    readonly caused: readonly CausalNode[]
  }[]
  readonly events: number
  /** false: there is more than is shown. */
  readonly complete: boolean
}

/** A request writes a handful; a client may send the same id with all of its requests. */
const MOST_EVENTS = 1_000
const MOST_CALLS = 50
const PAGE = 250

/** @throws Refusal not_found */
export async function causalTree(
  deps: HistoryDeps,
  reader: AuditReader,
  correlationId: string,
): Promise<CausalTree> {
  const found = new Map<string, StoredEvent>()
  let complete = await gather(deps, reader, correlationId, found)
  if (found.size === 0) throw new Refusal('not_found')
  const calls = callsOf(found.values())
  if (calls.length > MOST_CALLS) complete = false
  for (const call of calls.slice(0, MOST_CALLS))
    // Workers take a call up under its own id.
    if (call !== correlationId && !(await gather(deps, reader, call, found))) complete = false
  const events = [...found.values()].sort((a, b) => (a.position < b.position ? -1 : 1))
  return { correlationId, roots: rootsOf(events), events: events.length, complete }
}

/** @returns whether that was all of it */
async function gather(
  deps: HistoryDeps,
  reader: AuditReader,
  correlation: string,
  found: Map<string, StoredEvent>,
): Promise<boolean> {
  for (let after: string | undefined; ;) {
    const page = await historyPage(
      deps,
      reader,
      { correlation, newestFirst: false },
      { limit: PAGE, ...(after === undefined ? {} : { after }) },
    )
    for (const event of page.events) {
      if (found.size >= MOST_EVENTS && !found.has(event.id)) return false
      found.set(event.id, event)
    }
    after = page.next
    if (after === undefined) return true
  }
}

const callsOf = (events: Iterable<StoredEvent>): string[] => {
  const calls = new Set<string>()
  for (const { data } of events)
    if (typeof data['invocationId'] === 'string') calls.add(data['invocationId'])
  return [...calls]
}

interface Growing {
  readonly event: StoredEvent
  readonly caused: Growing[]
}

function rootsOf(events: readonly StoredEvent[]): CausalTree['roots'] {
  const nodes = new Map<string, Growing>()
  /** A call's first event stands for the call. */
  const calls = new Map<string, Growing>()
  const roots = new Map<string, Growing[]>()
  // In the order of the log a cause comes before what it caused.
  for (const event of events) {
    const node: Growing = { event, caused: [] }
    const cause = event.metadata.$causationId
    const parent = nodes.get(cause) ?? calls.get(cause)
    if (parent) parent.caused.push(node)
    else roots.set(cause, [...(roots.get(cause) ?? []), node])
    nodes.set(event.id, node)
    const { category, id } = parseStreamName(event.stream)
    if (category === 'invocation' && !calls.has(id)) calls.set(id, node)
  }
  return [...roots].map(([causationId, caused]) => ({ causationId, caused }))
}
