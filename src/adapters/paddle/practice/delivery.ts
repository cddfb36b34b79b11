/**
 * Sends notifications as Paddle does: signed, one after the other, again until the answer is 200. On
 * command it holds them back, sends them twice or in another order, since Paddle may do all of that.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { sign } from '../signature.ts'
import type { Notification } from './books.ts'

export interface Receiver {
  readonly url: string
  readonly secrets: readonly string[]
  /** Of the signature: real time, whatever time the account plays in. */
  readonly now?: () => Date
}

const ANSWER_MS = 5_000
const AGAIN_MS = [200, 400, 800, 1_600, 3_200, 6_400]

/** One notification, once. Answers the status; 0 where there was no answer. */
export async function post(receiver: Receiver, body: string): Promise<number> {
  const { now = () => new Date() } = receiver
  try {
    const response = await fetch(receiver.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Paddle',
        'paddle-signature': sign(body, receiver.secrets, now()),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}

export class Delivery {
  #receiver: Receiver | undefined
  #held: Notification[] | undefined
  #sending: Promise<void> = Promise.resolve()
  #closed = false
  /** Given up after the last attempt: what only the list of events still tells. */
  readonly lost: Notification[] = []
  readonly delivered: Notification[] = []

  constructor(receiver?: Receiver) {
    this.#receiver = receiver
  }

  sendTo(receiver: Receiver | undefined): void {
    this.#receiver = receiver
  }

  take(notification: Notification): void {
    if (this.#held) this.#held.push(notification)
    else this.#send([notification])
  }

  /** Nothing is sent until `release`. */
  hold(): void {
    this.#held ??= []
  }

  /** Sends what was held, in another order or more often where `order` says so; or none of it. */
  async release(
    order: (held: readonly Notification[]) => readonly Notification[] = (held) => held,
  ): Promise<void> {
    const held = this.#held ?? []
    this.#held = undefined
    this.#send(order(held))
    await this.idle()
  }

  /** When everything that was to be sent is sent or lost. */
  async idle(): Promise<void> {
    let last: Promise<void>
    do {
      last = this.#sending
      await last
    } while (last !== this.#sending)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sending
  }

  #send(notifications: readonly Notification[]): void {
    this.#sending = this.#sending.then(async () => {
      for (const one of notifications) await this.#deliver(one)
    })
  }

  async #deliver(one: Notification): Promise<void> {
    const body = JSON.stringify(one)
    for (const wait of [...AGAIN_MS, 0]) {
      if (!this.#receiver || this.#closed) break
      if ((await post(this.#receiver, body)) === 200) {
        this.delivered.push(one)
        return
      }
      await delay(wait)
    }
    this.lost.push(one)
  }
}
