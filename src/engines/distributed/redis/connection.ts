/**
 * Connections to one Redis, shared by counters, live feed and jobs; each kind of use has a connection
 * of its own, so that a long read never stands before a request.
 *
 * A lost Redis is looked for again for ever. What a request waits for fails within half a second: a
 * command that cannot be sent now is refused, never kept for later, since its caller has gone by then.
 * No address with a password, and nothing that a command carried, gets into an error or a log.
 */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import type { Logger } from '../../../ports/logger.ts'
import { Unavailable } from '../../../ports/unavailable.ts'
import { StoreRefused } from '../../../ports/store-refused.ts'
import { plain } from './plain.ts'
import { survey, type Surveyed } from './survey.ts'

const ANSWER_WITHIN_MS = 450
const REACHABLE_WITHIN_MS = 10_000
/** Looking for a Redis that is away costs next to nothing, so it is found soon after it is back. */
const LONGEST_RETRY_MS = 2_000
const FIRST_RETRY_MS = 25

/** Replies look the same whichever protocol the server speaks. */
export type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>

/** Answers now or not at all. */
const PROMPT: ConnectionOptions = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: ANSWER_WITHIN_MS,
  // A peer that has vanished without a word is given up, with whatever was asked of it.
  socketTimeout: 2_000,
}

const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR Client sent AUTH)/

export interface RedisSettings {
  /** redis:// or rediss://, as REDIS_URL gives it. */
  readonly url: string
  /** Before everything that is stored: several installations may share one server. */
  readonly namespace: string
  readonly logger: Logger
  /** How long a server may take to be there at the start. */
  readonly reachableWithinMs?: number
}

export interface RedisParts {
  readonly namespace: string
  /** The name under which something is stored; all of them live in one slot of a cluster. */
  key(name: string): string
  /** For what a request waits for: answers within half a second or fails. */
  readonly commands: Redis
  /** A connection of its own for one use; closed with the others. */
  connect(options: ConnectionOptions): Redis
  /** True while Redis is not there: then errors of single connections are no news. */
  isAway(): boolean
  health(): Promise<{ service: string; ok: boolean; detail?: string }>
  close(): Promise<void>
}

/** @throws StoreRefused with one sentence that names REDIS_URL. */
export async function openRedis(settings: RedisSettings): Promise<RedisParts> {
  const { namespace, logger } = settings
  const address = addressOf(settings.url)
  const clients: Redis[] = []
  const connect = (options: ConnectionOptions): Redis => {
    const client = new Redis(settings.url, {
      ...PROMPT,
      retryStrategy: retryAfter,
      // A server that became a replica refuses writes: the address may lead to another one by now.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
      connectTimeout: 2_000,
      ...options,
    })
    client.on('error', (error: Error) => logger.debug({ error: plain(error) }, 'Redis connection'))
    clients.push(client)
    return client
  }
  const close = async () => {
    await Promise.all(clients.splice(0).map(endConnection))
  }

  const commands = connect({})
  try {
    const withinMs = settings.reachableWithinMs ?? REACHABLE_WITHIN_MS
    const probe = `{${namespace}}:opened`
    await reachable(commands, { address, withinMs, look: { address, probe, logger } })
  } catch (error) {
    await close()
    throw error
  }
  const away = watch(commands, logger)
  return {
    namespace,
    key: (name) => `{${namespace}}:${name}`,
    commands,
    connect,
    isAway: away,
    health: async () => {
      try {
        await commands.ping()
        return { service: 'Redis', ok: true }
      } catch (error) {
        return { service: 'Redis', ok: false, detail: plain(error).message }
      }
    },
    close,
  }
}

export const unavailable = (error: unknown): Unavailable => new Unavailable('Redis', plain(error))

/** Ends a connection in whatever state it is; resolves when it has ended. */
export async function endConnection(client: Redis): Promise<void> {
  if (client.status === 'end') return
  const ended = once(client, 'end', { signal: AbortSignal.timeout(1_000) }).catch(() => undefined)
  client.disconnect()
  // Between two tries there is no socket whose end could be noticed: one more try, which is the last.
  if ((client.status as string) === 'reconnecting') client.connect().catch(() => undefined)
  await ended
}

/** Resolves when the connection can be used, at the latest after `withinMs`. */
export async function whenReady(client: Redis, withinMs: number): Promise<void> {
  if (client.status === 'ready') return
  await once(client, 'ready', { signal: AbortSignal.timeout(withinMs) }).catch(() => undefined)
}

const retryAfter = (times: number) =>
  Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(times, 10)) * (0.5 + Math.random() / 2)

/** Host and port, for people: never the user name or the password. */
function addressOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !['redis:', 'rediss:'].includes(parsed.protocol) || !parsed.hostname)
    throw new StoreRefused('REDIS_URL is not an address like redis://host:6379.')
  return `${parsed.hostname}:${parsed.port || '6379'}`
}

/** There, let in, and what it must be; a server that is only slow is asked again. */
async function reachable(
  client: Redis,
  { address, withinMs, look }: { address: string; withinMs: number; look: Surveyed },
): Promise<void> {
  let last: Error | undefined
  const refused = () => last !== undefined && REFUSED.test(last.message)
  const onError = (error: unknown) => {
    if (!refused()) last = plain(error)
  }
  client.on('error', onError)
  const until = performance.now() + withinMs
  let fits = false
  while (!fits && !refused() && performance.now() < until) {
    try {
      if (client.status === 'ready') fits = await survey(client, look)
      else await pause(20)
    } catch (error) {
      if (error instanceof StoreRefused) throw error
      onError(error)
      await pause(20)
    }
  }
  client.off('error', onError)
  if (fits) return
  if (refused()) {
    throw new StoreRefused(
      `REDIS_URL: Redis at ${address} refused the user name or the password.`,
      last,
    )
  }
  const seconds = Math.round(withinMs / 1_000)
  throw new StoreRefused(
    `REDIS_URL: no Redis answered at ${address} within ${seconds} s (${last?.message ?? 'no answer'}).`,
    last,
  )
}

/** One line when Redis goes and one when it is back, whatever the number of connections. */
function watch(client: Redis, logger: Logger): () => boolean {
  let away = false
  client.on('close', () => {
    if (away || client.status === 'end') return
    away = true
    logger.warn({ service: 'Redis' }, 'Redis is away')
  })
  client.on('ready', () => {
    if (!away) return
    away = false
    logger.info({ service: 'Redis' }, 'Redis is back')
  })
  return () => away
}
