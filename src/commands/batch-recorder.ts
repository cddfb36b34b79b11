/**
 * Records what happens to requests, in batches: on the request's way it costs an array push or a map
 * look-up. A batch goes to the log after a moment, by the only writer of this run's streams. A log that
 * does not take it gets the same batch again; memory stays bounded, and what is dropped is counted,
 * never silent.
 */
import type { Logger } from '../ports/logger.ts'
import { type CommandContext, step, systemRoot } from './context.ts'
import type { Deps } from './deps.ts'

/** Times that one batch is offered to the log, two minutes in all, and at a stop. */
const MAX_TRIES = 30
const TRIES_AT_STOP = 3
const MAX_PAUSE_MS = 5_000

export interface BatchRecorder<One> {
  readonly record: (one: One) => void
  /** Everything recorded so far is in the log, or was dropped and counted. */
  readonly flush: () => Promise<void>
  /** flush, then nothing more is recorded. */
  readonly close: () => Promise<void>
}

/** What has not been offered to the log yet. */
export interface Waiting<One, Batch> {
  size(): number
  /** false: too much waits, this one leaves no record. */
  add(one: One): boolean
  /** The oldest that fit into one event; undefined when nothing waits. */
  take(): Batch | undefined
  /** Forgets everything; answers how many that were. */
  clear(): number
}

/** Appends batches in order; the same batch again is the same append. */
export interface Appender<Batch> {
  append(batch: Batch): Promise<void>
  /** The batch is given up, and its number with it: it may be in the log after all. */
  skip(): void
}

export interface BatchRecorderOptions<One, Batch> {
  /** In logs: `usage records`. */
  readonly name: string
  /** false: nothing is recorded. */
  readonly on: boolean
  readonly everyMs: number
  /** What comes while a batch is written waits for the next one, unless it is more than this. */
  readonly patience?: number
  readonly waiting: Waiting<One, Batch>
  readonly appender: Appender<Batch>
  /** How many are in it. */
  readonly sizeOf: (batch: Batch) => number
  readonly logger: Logger
  /** Told how many will never have a record. */
  readonly onDropped?: ((count: number) => void) | undefined
}

export function createBatchRecorder<One, Batch>(
  options: BatchRecorderOptions<One, Batch>,
): BatchRecorder<One> {
  const { name, everyMs, waiting, appender, logger } = options
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let batch: Batch | undefined
  let tries = 0
  let recording = options.on

  const drop = (count: number) => {
    if (count > 0) options.onDropped?.(count)
  }

  /**
   * Appends batch after batch until no more than `patience` wait.
   * @throws what the append throws, the batch kept.
   */
  async function write(patience: number): Promise<void> {
    const next = () => (waiting.size() > patience ? waiting.take() : undefined)
    for (batch ??= waiting.take(); batch !== undefined; batch = next()) {
      tries += 1
      await appender.append(batch)
      tries = 0
    }
  }

  function giveUp(error: unknown) {
    const lost = batch === undefined ? 0 : options.sizeOf(batch)
    logger.error({ error, lost }, `${name} dropped`)
    drop(lost)
    appender.skip()
    batch = undefined
    tries = 0
  }

  async function writeAndRetryLater(): Promise<void> {
    try {
      await write(options.patience ?? 0)
      if (waiting.size() > 0) schedule(everyMs)
    } catch (error) {
      if (tries >= MAX_TRIES) giveUp(error)
      else if (tries === 1) logger.warn({ error }, `${name} wait for the log`)
      schedule(Math.min(everyMs * 2 ** Math.min(tries, 8), MAX_PAUSE_MS))
    }
  }

  const inTurn = (work: () => Promise<void>): Promise<void> => (writing = writing.then(work))

  function schedule(ms: number) {
    timer ??= setTimeout(() => {
      timer = undefined
      void inTurn(writeAndRetryLater)
    }, ms).unref()
  }

  async function writeNow(): Promise<void> {
    for (let left = TRIES_AT_STOP; waiting.size() > 0 || batch !== undefined; left--)
      try {
        await write(0)
      } catch (error) {
        if (left > 1) continue
        giveUp(error)
        drop(waiting.clear())
      }
  }

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    await inTurn(writeNow)
  }

  return {
    record(one) {
      if (!recording) return
      if (waiting.add(one)) schedule(everyMs)
      else drop(1)
    },
    flush,
    async close() {
      recording = false
      await flush()
    },
  }
}

/** Where a batch goes: the stream of this run, its number there, and the command that writes it. */
export interface Place {
  readonly id: string
  readonly batch: number
  readonly recordedAt: string
  readonly context: CommandContext
}

export interface RunStreams {
  /** Who writes them. */
  readonly worker: string
  readonly maxBatches: number
  readonly idOf: (stream: number) => string
}

/** Writes batches one after the other into the streams of this run, each under a number of its own. */
export function createAppender<Batch>(
  { ids, clock }: Pick<Deps, 'ids' | 'clock'>,
  { worker, maxBatches, idOf }: RunStreams,
  write: (batch: Batch, place: Place) => Promise<unknown>,
): Appender<Batch> {
  let stream = 1
  let number = 1
  function next() {
    number += 1
    if (number <= maxBatches) return
    stream += 1
    number = 1
  }
  return {
    async append(batch) {
      const id = idOf(stream)
      const recordedAt = clock.now().toISOString()
      const root = systemRoot(ids, worker, { id: `${id}/${number}` }, recordedAt)
      await write(batch, { id, batch: number, recordedAt, context: step(ids, root, 'record') })
      next()
    },
    skip: next,
  }
}
