/** How updates reach the bot: they wait to be asked for, or go to the webhook, one after the other. */
import { setTimeout as delay } from 'node:timers/promises'
import { Answer, type Payload } from './methods.ts'
import type { Update } from './server.ts'

export type Delivery = ReturnType<typeof createDelivery>

interface Webhook {
  readonly url: string
  readonly secret: string | undefined
}

const AGAIN_MS = 50

export function createDelivery(onChange: () => void) {
  /** Not confirmed yet. */
  let pending: Update[] = []
  let held: Update[] | undefined
  let webhook: Webhook | undefined
  let sending = Promise.resolve()
  let poller: { readonly end: () => void } | undefined
  let closed = false
  const isClosed = () => closed
  const waiting = new Set<() => void>()
  const delivered: number[] = []

  async function send(update: Update): Promise<void> {
    for (let target = webhook; target && !isClosed(); target = webhook) {
      const { url, secret } = target
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(secret === undefined ? {} : { 'x-telegram-bot-api-secret-token': secret }),
          },
          body: JSON.stringify(update),
        })
        await response.arrayBuffer()
        delivered.push(response.status)
        onChange()
        if (response.ok) return
      } catch {
        // It is not there now: Telegram asks again.
      }
      await delay(AGAIN_MS)
    }
  }

  function give(update: Update): void {
    if (held) {
      held.push(update)
      return
    }
    if (webhook) {
      sending = sending.then(() => send(update))
      return
    }
    pending.push(update)
    for (const look of waiting) look()
  }

  return {
    delivered,
    give,
    get webhook() {
      return webhook
    },
    setWebhook(wanted: Webhook | undefined) {
      webhook = wanted
      if (!webhook) return
      poller?.end()
      const left = pending
      pending = []
      for (const update of left) give(update)
    },
    hold() {
      held ??= []
    },
    letGo(order: (held: readonly Update[]) => readonly Update[] = (all) => all) {
      const all = order(held ?? [])
      held = undefined
      for (const update of all) give(update)
    },
    async take(payload: Payload, gone: AbortSignal): Promise<readonly Update[]> {
      if (webhook)
        throw new Answer(409, "Conflict: can't use getUpdates method while webhook is active")
      // The one that asked before is told to go.
      poller?.end()
      const offset = payload['offset']
      if (typeof offset === 'number') pending = pending.filter(({ update_id: id }) => id >= offset)
      if (pending.length > 0) return [...pending]
      const timeoutMs = Number(payload['timeout'] ?? 0) * 1_000
      const ended = await new Promise<'came' | 'over' | 'conflict'>((resolve) => {
        const finish = (how: 'came' | 'over' | 'conflict') => {
          clearTimeout(timer)
          waiting.delete(look)
          if (poller === mine) poller = undefined
          resolve(how)
        }
        const look = () => finish('came')
        const mine = { end: () => finish('conflict') }
        const timer = setTimeout(() => finish('over'), timeoutMs)
        poller = mine
        waiting.add(look)
        gone.addEventListener('abort', () => finish('over'), { once: true })
      })
      if (ended === 'conflict')
        throw new Answer(409, 'Conflict: terminated by other getUpdates request')
      return [...pending]
    },
    close() {
      closed = true
      poller?.end()
    },
  }
}
