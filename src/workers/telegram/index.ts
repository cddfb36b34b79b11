/**
 * The bot: another front door with the same commands behind it. It hears under one lease and handles with
 * as many processes as run with its role.
 */
import type { Leases } from '../../commands/lease.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { createWorkers, type Workers } from '../worker.ts'
import {
  CHATS,
  telegramChats,
  telegramUrgent,
  unhandledUpdatesSweep,
  URGENT,
} from './handle-updates.ts'
import { expireWords } from './expire-words.ts'
import { listen } from './listen.ts'
import type { BotDeps } from './turn.ts'

export type { BotDeps } from './turn.ts'

/** The names of its queues. */
export const botQueues = [CHATS, URGENT]

export interface Bot {
  start(leases: Pick<Leases, 'lead'>): void
  sweep(): Promise<void>
  stop(): Promise<void>
  /** To be told of every event, once. */
  onEvents(events: readonly StoredEvent[]): void
}

export function createBot(deps: BotDeps): Bot {
  const list = [telegramChats(deps), telegramUrgent(deps)]
  const workers: Workers = createWorkers(deps, list, [
    unhandledUpdatesSweep(deps),
    expireWords(deps),
  ])
  const leads: { stop(): Promise<void> }[] = []
  return {
    start(leases) {
      workers.start()
      leads.push(
        leases.lead('bot', (signal) => workers.tend(signal)),
        leases.lead('telegram', (signal) => listen(deps, signal)),
      )
    },
    sweep: () => workers.sweep(),
    async stop() {
      await Promise.all(leads.map((lead) => lead.stop()))
      await workers.stop()
    },
    onEvents: (events) => workers.onEvents(events),
  }
}
