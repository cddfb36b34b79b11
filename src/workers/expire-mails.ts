/**
 * Mails that lie here as files hold addresses and links in clear. They go when their person is erased, and
 * in any case after a week: then no link in them works.
 */
import type { Deps } from '../commands/deps.ts'
import { isErased } from '../domain/personal.ts'
import { mails } from '../projections/mails.ts'
import type { Sweep } from './worker.ts'

const HOUR_MS = 60 * 60_000
export const KEPT_MS = 7 * 24 * HOUR_MS
const AT_ONCE = 500

export function expireMails(deps: Pick<Deps, 'mailer' | 'views' | 'sealer' | 'clock'>): Sweep {
  let last = Number.NEGATIVE_INFINITY
  return {
    name: 'expire-mails',
    async run(signal) {
      const { mailer, clock } = deps
      const now = clock.now().getTime()
      if (!mailer.kept || now - last < HOUR_MS) return 0
      const kept = await mailer.kept.list()
      const gone = kept.filter(({ at }) => now - at.getTime() >= KEPT_MS).map(({ id }) => id)
      const left = [...new Set(kept.map(({ id }) => id)).difference(new Set(gone))]
      for (let from = 0; from < left.length && !signal.aborted; from += AT_ONCE)
        gone.push(...(await erased(deps, left.slice(from, from + AT_ONCE))))
      if (gone.length > 0) await mailer.kept.remove(gone)
      last = now
      return gone.length
    },
  }
}

/** Those whose recipient nobody can read any more. */
async function erased(
  { views, sealer }: Pick<Deps, 'views' | 'sealer'>,
  ids: readonly string[],
): Promise<string[]> {
  const found: string[] = []
  for (const [id, { recipient }] of await views.getMany(mails, ids))
    if (isErased(await sealer.open(recipient))) found.push(id)
  return found
}
