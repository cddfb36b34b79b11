/**
 * One database and the way everything is asked of it: each call ends within a time limit of its own,
 * and a server that is away is `Unavailable`. A call that was given up may still be carried out, so
 * whatever is written may be written again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Db } from 'mongodb'
import { Unavailable } from '../../../ports/unavailable.ts'
import { isPassing } from './failures.ts'

/** What a request waits for. */
export const REQUEST_MS = 2_000
/** What runs behind the requests: whole batches of views. */
export const BATCH_MS = 15_000

export interface MongoDatabase {
  readonly db: Db
  /** As it is named where it is unavailable. */
  readonly service: string
  /** How many updates one command may carry. */
  readonly updatesAtOnce: number
}

/** @throws Unavailable where the server is away or does not answer in time. */
export async function ask<T>(
  { service }: Pick<MongoDatabase, 'service'>,
  limitMs: number,
  call: () => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const late = pause(limitMs, undefined, { signal: over.signal }).then(() => {
    throw new Unavailable(service, new Error(`no answer within ${limitMs} ms`))
  })
  // What comes after the other has won is nobody's.
  late.catch(() => undefined)
  const answer = call()
  answer.catch(() => undefined)
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    throw isPassing(error) ? new Unavailable(service, error) : error
  } finally {
    over.abort()
  }
}
