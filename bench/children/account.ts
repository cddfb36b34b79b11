/**
 * One of several processes that command the same account on the distributed engine. It keeps what it
 * knows of the account current as the product does: by following the end of the log.
 */
import { createLogEnd } from '../../src/commands/log-end.ts'
import { type EngineOptions, openEngine } from '../../src/engines/distributed/index.ts'
import { RevisionConflict } from '../../src/ports/event-store.ts'
import { holding, streamsOn } from '../holds.ts'
import { onlyErrors } from '../system.ts'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import { answering } from './answer.ts'

export type Work =
  | ({ readonly do: 'open'; readonly masterKey: string } & Omit<
      EngineOptions,
      'masterKey' | 'logger' | 'clock'
    >)
  | { readonly do: 'prepare'; readonly orgId: string }
  | { readonly do: 'run'; readonly orgId: string; readonly callers: number; readonly ms: number }
  | { readonly do: 'close' }
export interface Done {
  /** Of each command that was carried out, in ms. */
  readonly latencies: readonly number[]
  readonly conflicts: number
  readonly failed: number
  readonly firstFailure: string | undefined
}

async function opened(options: Work & { do: 'open' }) {
  const masterKey = Buffer.from(options.masterKey, 'base64')
  const engine = await openEngine({ ...options, masterKey, logger: onlyErrors })
  const streams = await streamsOn(engine, masterKey)
  const upcast = (event: StoredEvent): StoredEvent => event
  const logEnd = createLogEnd({ events: engine.events, upcast, logger: onlyErrors })
  logEnd.onEvents((events) => streams.observe(events))
  await logEnd.start()
  return {
    streams,
    async close() {
      await logEnd.stop()
      await engine.close()
    },
  }
}

let open: Awaited<ReturnType<typeof opened>> | undefined

async function run({ orgId, callers, ms }: Work & { do: 'run' }): Promise<Done> {
  if (open === undefined) throw new Error('not open')
  const calls = holding(open.streams, [orgId])
  const latencies: number[] = []
  let [conflicts, failed] = [0, 0]
  let firstFailure: string | undefined
  const end = performance.now() + ms
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let before = performance.now(); before < end; before = performance.now()) {
        try {
          await calls.next(caller)
          latencies.push(performance.now() - before)
        } catch (error) {
          failed++
          if (error instanceof RevisionConflict) conflicts++
          firstFailure ??= String(error)
        }
      }
    }),
  )
  return { latencies, conflicts, failed, firstFailure }
}

answering(async (work: Work): Promise<Done | boolean> => {
  switch (work.do) {
    case 'open':
      open = await opened(work)
      return true
    case 'prepare':
      if (open === undefined) throw new Error('not open')
      await holding(open.streams, [work.orgId]).prepare()
      return true
    case 'run':
      return run(work)
    case 'close':
      await open?.close()
      open = undefined
      return true
  }
})
