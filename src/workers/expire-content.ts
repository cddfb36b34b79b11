/**
 * Deletes texts whose days are over, and after a day those that no event names: a call that was refused
 * after its texts were stored, or that another execution of the same request was quicker to accept.
 */
import { pagesOfContents } from '../commands/contents.ts'
import type { Deps } from '../commands/deps.ts'
import { loadCall } from '../commands/invocation/flow.ts'
import { account } from '../domain/account/account.ts'
import { holdOf } from '../domain/account/state.ts'
import { invocationHistory, type InvocationRecord } from '../projections/invocation-history.ts'
import type { Sweep } from './worker.ts'

const EVERY_MS = 60 * 60_000
/** A start has better things to do than to look through everything. */
const FIRST_AFTER_MS = 5 * 60_000
const DAY_MS = 24 * 60 * 60_000
/** The texts of calls: `owner/day/invocation.random`. Other contents have rules of their own. */
const OF_A_CALL = /\/(inv_[0-9a-z]{26})\.[\w-]+$/

export function expireContent(deps: Deps): Sweep {
  const { contents, clock, settings } = deps
  let last = clock.now().getTime() - EVERY_MS + FIRST_AFTER_MS
  return {
    name: 'expire-content',
    async run(signal) {
      const now = clock.now().getTime()
      if (now - last < EVERY_MS) return 0
      let found = 0
      for await (const page of pagesOfContents(deps, '')) {
        const old = page.filter(({ storedAt }) => now - storedAt >= settings.contentDays * DAY_MS)
        const aged = page.filter((part) => now - part.storedAt >= DAY_MS && !old.includes(part))
        const gone = [...old, ...(await unnamed(deps, aged))]
          .map(({ key }) => key)
          .filter((key) => OF_A_CALL.test(key))
        if (gone.length > 0) await contents.delete(gone)
        found += gone.length
        if (signal.aborted) break
      }
      last = now
      return found
    },
  }
}

/** The view answers for most; what it does not name is asked of the streams. */
async function unnamed<Part extends { readonly key: string }>(
  deps: Deps,
  parts: readonly Part[],
): Promise<Part[]> {
  const calls = parts.flatMap((part) => {
    const invocationId = OF_A_CALL.exec(part.key)?.[1]
    return invocationId === undefined ? [] : [{ part, invocationId }]
  })
  if (calls.length === 0) return []
  const ids = [...new Set(calls.map(({ invocationId }) => invocationId))]
  const known = await deps.views.getMany(invocationHistory, ids)
  const orphans: Part[] = []
  for (const { part, invocationId } of calls) {
    const record = known.get(invocationId)
    if (record && namedBy(record, part.key)) continue
    if (!(await namedInStreams(deps, invocationId, record?.orgId, part.key))) orphans.push(part)
  }
  return orphans
}

const namedBy = ({ input, messages, output }: InvocationRecord, ref: string): boolean =>
  input?.ref === ref || messages?.ref === ref || output?.ref === ref

async function namedInStreams(
  deps: Deps,
  invocationId: string,
  orgId: string | undefined,
  ref: string,
): Promise<boolean> {
  const { accepted, end } = await loadCall(deps, invocationId)
  if (accepted?.input.ref === ref || accepted?.messages.ref === ref) return true
  if (end?.data.output?.ref === ref) return true
  if (orgId === undefined) return false
  const { state } = await deps.streams.load(account, orgId)
  return holdOf(state, invocationId)?.contents.some((one) => one.ref === ref) === true
}
