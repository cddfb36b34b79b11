/**
 * What another process has just written, or an earlier try whose answer was lost: it is there only when
 * a majority has it, which a read of such data (read concern majority) shows.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Unavailable } from '../../../ports/unavailable.ts'
import { type MongoDatabase, REQUEST_MS } from './database.ts'

const LOOK_AGAIN_MS = 20

/** @throws Unavailable when it does not appear in time. */
export async function visible<T>(
  { service }: MongoDatabase,
  find: () => Promise<T | null | undefined>,
): Promise<T> {
  const until = performance.now() + REQUEST_MS
  for (;;) {
    const found = await find()
    if (found !== null && found !== undefined) return found
    if (performance.now() > until)
      throw new Unavailable(service, new Error('a write of another process is not confirmed'))
    await pause(LOOK_AGAIN_MS)
  }
}
