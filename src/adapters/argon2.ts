/**
 * Passwords by argon2id, 19 MiB, 2 passes, 1 lane (OWASP's minimum; npm argon2's own defaults are others,
 * so the parameters stand at every call). Hashing runs in libuv's pool beside the file system and the
 * tokens: at most as many at once as cores, a short queue, then a refusal, so a storm of sign-ins
 * stays a storm of sign-ins.
 */
import { availableParallelism } from 'node:os'
import { Refusal } from '../domain/refusal.ts'
import type { Passwords } from '../ports/passwords.ts'

const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
const QUEUE = 64

/** The hash of a random password that was never kept: its verification costs what a person's costs. */
const DUMMY =
  '$argon2id$v=19$m=19456,p=1,t=2$+srRN04sy8u1hkH0g80w8w$2W7ZgR4dadTrb8U4hhcu1iwmYbDU59wyPEwXWcg2NaM'

const PHC =
  /^\$argon2(?:id|i|d)\$v=\d+\$(?:[mtp]=\d+,){2}[mtp]=\d+\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,172}$/

export function createArgon2(options: { atOnce?: number; queue?: number } = {}): Passwords {
  const inTurn = semaphore(options.atOnce ?? Math.max(1, availableParallelism()), {
    queue: options.queue ?? QUEUE,
  })
  return {
    hash: (password) =>
      inTurn(async () => {
        const argon2 = await import('argon2')
        return argon2.hash(password, { type: argon2.argon2id, ...PARAMETERS })
      }),
    verify: (password, hash) =>
      inTurn(async () => {
        const argon2 = await import('argon2')
        // What cannot be read is nobody's hash, and takes as long as anybody's.
        const known = hash !== undefined && PHC.test(hash)
        const stored = known ? hash : DUMMY
        const ok = (await argon2.verify(stored, password)) && known
        return { ok, rehash: ok && isOutdated(argon2.needsRehash, stored) }
      }),
    load: inTurn.load,
  }
}

const isOutdated = (
  needsRehash: (hash: string, parameters: typeof PARAMETERS) => boolean,
  hash: string,
): boolean => !hash.startsWith('$argon2id$') || needsRehash(hash, PARAMETERS)

/** Runs at most `atOnce` tasks together, in order of arrival. */
function semaphore(atOnce: number, { queue }: { queue: number }) {
  const waiting: (() => void)[] = []
  let running = 0
  async function inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (running < atOnce) running++
    else {
      if (waiting.length >= queue) throw new Refusal('too_many_hashes')
      // The one that ends hands its place over, so a newcomer never slips in between.
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
  return Object.assign(inTurn, { load: () => ({ running, waiting: waiting.length }) })
}
