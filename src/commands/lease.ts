/**
 * Leases: of several processes one does what only needs doing once (projecting, sweeping). A lease only
 * saves work: whoever works without it, because the counters are away or it was paused, changes nothing
 * twice, since streams and views guard themselves. So in doubt there is work rather than none.
 */
import type { Counters } from '../ports/counters.ts'
import type { Logger } from '../ports/logger.ts'
import { pause } from '../projections/pause.ts'

/** A dead holder's lease is free after this. */
const TTL_MS = 5_000
const RENEW_MS = 1_500
const RETRY_MS = 1_000
/** Nobody can be asked for so long: everybody works. */
const WITHOUT_AFTER_MS = TTL_MS
/** Work that ended by itself, here, is left to others for so long: one of them may be able to do it. */
const STEP_ASIDE_MS = 30_000

export interface Leases {
  /**
   * Runs `work` whenever, and for as long as, this process holds the lease. Work that ends by itself gives
   * the lease up: it is another process's turn.
   */
  lead(name: string, work: (signal: AbortSignal) => Promise<void>): { stop(): Promise<void> }
  /** Which leases this process works under now. */
  held(): readonly { readonly name: string; readonly held: boolean }[]
}

export function createLeases(
  { counters, logger }: { counters: Counters; logger: Logger },
  holder: string,
): Leases {
  const leases = new Map<string, boolean>()

  function lead(name: string, work: (signal: AbortSignal) => Promise<void>) {
    const stopping = new AbortController()
    let term: { abort: AbortController; ended: Promise<void> } | undefined
    let gaveUp = false
    const reservation = {
      kind: 'lease',
      key: `lease:${name}`,
      limit: 1,
      ttlMs: TTL_MS,
      holder,
    } as const

    function begin(): void {
      if (term) return
      leases.set(name, true)
      logger.info({ lease: name }, 'lease taken')
      const abort = new AbortController()
      const ended = work(abort.signal)
        .catch((error: unknown) =>
          logger.error({ lease: name, error }, 'work under a lease failed'),
        )
        .then(() => {
          if (term?.abort !== abort) return
          term = undefined
          gaveUp = true
        })
      term = { abort, ended }
    }

    async function end(): Promise<void> {
      const ending = term
      term = undefined
      leases.set(name, false)
      if (!ending) return
      ending.abort.abort()
      await ending.ended
      logger.info({ lease: name }, 'lease given up')
    }

    async function stepAside(): Promise<void> {
      leases.set(name, false)
      logger.warn({ lease: name }, 'lease given up: the work cannot go on here')
      await counters.release([reservation]).catch(() => undefined)
      await pause(STEP_ASIDE_MS, stopping.signal)
      gaveUp = false
    }

    async function hold(): Promise<void> {
      let answeredAt = performance.now()
      while (!stopping.signal.aborted) {
        if (gaveUp) await stepAside()
        try {
          const { ok } = await counters.reserve([reservation])
          answeredAt = performance.now()
          if (!ok) await end()
          else if (!gaveUp) begin()
        } catch (error) {
          logger.warn({ lease: name, error }, 'the lease cannot be asked for')
          if (!gaveUp && performance.now() - answeredAt >= WITHOUT_AFTER_MS) begin()
        }
        await pause(term ? RENEW_MS : RETRY_MS, stopping.signal)
      }
      const held = term !== undefined
      await end()
      // The next holder need not wait for the time to run out.
      if (held) await counters.release([reservation]).catch(() => undefined)
    }

    leases.set(name, false)
    const holding = hold()
    return {
      stop() {
        stopping.abort()
        return holding
      },
    }
  }

  return { lead, held: () => [...leases].map(([name, held]) => ({ name, held })) }
}
