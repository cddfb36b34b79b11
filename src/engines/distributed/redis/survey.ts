/**
 * What a Redis must be before anything is entrusted to it. A refusal is one sentence with what to do;
 * what only makes a loss likelier is a line in the log.
 */
import type { Redis } from 'ioredis'
import type { Logger } from '../../../ports/logger.ts'
import { StoreRefused } from '../../../ports/store-refused.ts'
import { plain } from './plain.ts'

/** XRANGE with an exclusive start, and what the job queue asks for. */
const LEAST_VERSION = [6, 2] as const

export interface Surveyed {
  /** Host and port. */
  readonly address: string
  /** A key that may be written. */
  readonly probe: string
  readonly logger: Logger
}

/** True: it fits. @throws StoreRefused, or what came instead of an answer */
export async function survey(client: Redis, { address, probe, logger }: Surveyed): Promise<true> {
  const refuse = (what: string, cause?: unknown) =>
    new StoreRefused(`REDIS_URL: Redis at ${address} ${what}`, cause)
  const asked = async <T>(answer: Promise<T>, what: string): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'ReplyError') throw error
      throw refuse(`${what} (${codeOf(error)}).`, plain(error))
    }
  }
  const info = parse(await asked(client.info(), 'does not say what it is'))
  const version = info.get('redis_version') ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1])) {
    throw refuse(`is version ${version}; ${LEAST_VERSION.join('.')} or later is needed.`)
  }
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (policy !== 'noeviction') {
    throw refuse(
      `has the maxmemory-policy ${policy} and would throw jobs away when it is full; set it to noeviction.`,
    )
  }
  await asked(client.set(probe, '1', 'PX', 1), 'cannot be written to')
  await asked(client.publish(probe, ''), 'cannot be written to')
  if (info.get('aof_enabled') === '0') {
    logger.warn(
      { service: 'Redis' },
      'Redis keeps no append-only file: a restart of it forgets jobs and rates, and sweeps find the work again later',
    )
  }
  return true
}

/** The first word of what Redis says: the rest may hold names and addresses. */
const codeOf = (error: Error): string => error.message.split(' ', 1)[0] ?? ''

function parse(info: string): Map<string, string> {
  return new Map(
    info
      .split(/\r?\n/)
      .filter((line) => line.includes(':') && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}
