/**
 * Every quarter of an hour whoever tends the work has Paddle's list of events read on, so that a lost
 * notification is found without anybody asking. A job of its own: an answer that is slow to come holds up
 * no sweep.
 */
import { reconcileEvents } from '../commands/paddle-event/reconcile-events.ts'
import { systemRoot } from '../commands/context.ts'
import type { Deps } from '../commands/deps.ts'
import { PaymentProviderFailure } from '../ports/payment-provider.ts'
import type { Sweep, Worker } from './worker.ts'

const NAME = 'reconcile-paddle'
const EVERY_MS = 15 * 60_000

interface Job {
  readonly id: string
}

export const reconcilePaddle = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: 1,
  async handle({ id }: Job, signal) {
    const { paymentProvider, clock, logger } = deps
    if (!paymentProvider) return
    const root = systemRoot(deps.ids, NAME, { id }, clock.now().toISOString())
    try {
      let more = true
      while (more && !signal.aborted)
        ({ more } = await reconcileEvents(deps, paymentProvider, root))
    } catch (error) {
      if (!(error instanceof PaymentProviderFailure)) throw error
      // The next quarter of an hour reads on from where this one came to.
      const { reason, detail } = error
      logger.warn({ reason, detail }, 'Paddle could not be asked for its events')
    }
  },
})

export function reconcilePaddleSweep(deps: Deps): Sweep {
  const { clock, ids, jobs, paymentProvider } = deps
  let last = Number.NEGATIVE_INFINITY
  return {
    name: NAME,
    async run() {
      const now = clock.now().getTime()
      if (!paymentProvider || now - last < EVERY_MS) return 0
      last = now
      const id = ids.random()
      await jobs.add(NAME, [{ id, payload: { id } satisfies Job }])
      return 0
    },
  }
}
