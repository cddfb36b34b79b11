/**
 * Refuses a key that comes back with another body, for flows whose streams must not remember the body:
 * what they would answer must not depend on whether an address is known. Kept for a day beside the log;
 * when it is lost, a repeat still has no second effect.
 */
import { Refusal } from '../domain/refusal.ts'
import { Unavailable } from '../ports/unavailable.ts'
import type { Root } from './context.ts'
import type { Deps } from './deps.ts'

const REMEMBERED_MS = 24 * 60 * 60 * 1000

export async function assertSameWish(
  { counters, logger }: Pick<Deps, 'counters' | 'logger'>,
  root: Root,
): Promise<void> {
  if (root.digest === undefined) return
  const key = `wish/${root.id}`
  try {
    const known = await counters.get(key)
    if (known !== undefined && known !== root.digest) throw new Refusal('idempotency_key_reused')
    await counters.set(key, root.digest, REMEMBERED_MS)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    logger.warn({ error }, 'a key could not be remembered')
  }
}
