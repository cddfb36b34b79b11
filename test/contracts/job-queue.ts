/** Jobs: once per id, in order, again after a failure, and a stop that waits. */
import { describe, expect, test, vi } from 'vitest'
import type { Job, JobQueue } from '../../src/ports/job-queue.ts'
import { unique } from './harness.ts'
import type { OpenEngine } from './harness.ts'

/** A handler that holds each job until it is told to end it. */
function gate() {
  const started: Job[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const signals = new Map<string, AbortSignal>()
  const handler = (job: Job, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      started.push(job)
      signals.set(job.id, signal)
      ends.set(job.id, (error) => (error ? reject(error) : resolve()))
    })
  const end = (id: string, error?: Error) => ends.get(id)?.(error)
  const ids = () => started.map((job) => job.id)
  return { handler, end, ids, started, signals }
}
const empty = { waiting: 0, running: 0, delayed: 0 }
const jobs = (...ids: string[]) => ids.map((id) => ({ id, payload: { of: id } }))
const until = (jobsQueue: JobQueue, queue: string, counts: Partial<typeof empty>) =>
  vi.waitFor(async () => expect(await jobsQueue.counts(queue)).toMatchObject(counts))

export function jobQueueContract(open: OpenEngine): void {
  describe('job queue', () => {
    test('gives each job with its payload to a handler, in order', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const seen: Job[] = []
      await queues.add(queue, jobs('a', 'b', 'c'))
      queues.work(queue, async (job) => void seen.push(job), { concurrency: 1 })
      await until(queues, queue, empty)
      expect(seen).toEqual(
        ['a', 'b', 'c'].map((id) => ({ id, queue, payload: { of: id }, attempt: 1 })),
      )
    })
    test('gives jobs that are added later to a worker that waits', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const { handler, ids, end } = gate()
      queues.work(queue, handler, { concurrency: 1 })
      await queues.add(queue, jobs('a'))
      await vi.waitFor(() => expect(ids()).toEqual(['a']))
      end('a')
      await until(queues, queue, empty)
    })
    test('holds a job once, while it waits and while it runs', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const { handler, ids, end } = gate()
      await queues.add(queue, jobs('a', 'a'))
      await queues.add(queue, jobs('a'))
      expect(await queues.counts(queue)).toEqual({ ...empty, waiting: 1 })
      queues.work(queue, handler, { concurrency: 5 })
      await vi.waitFor(() => expect(ids()).toEqual(['a']))
      await queues.add(queue, jobs('a'))
      expect(await queues.counts(queue)).toEqual({ ...empty, running: 1 })
      end('a')
      await until(queues, queue, empty)
      expect(ids()).toEqual(['a'])
    })
    test('takes a job again when it is done', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const seen: string[] = []
      queues.work(queue, async (job) => void seen.push(job.id), { concurrency: 1 })
      await queues.add(queue, jobs('a'))
      await until(queues, queue, empty)
      await queues.add(queue, jobs('a'))
      await vi.waitFor(() => expect(seen).toEqual(['a', 'a']))
    })
    test('runs at most as many at once as it may', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const { handler, ids, end } = gate()
      queues.work(queue, handler, { concurrency: 2 })
      await queues.add(queue, jobs('a', 'b', 'c'))
      await vi.waitFor(() => expect(ids()).toEqual(['a', 'b']))
      expect(await queues.counts(queue)).toEqual({ waiting: 1, running: 2, delayed: 0 })
      end('b')
      await vi.waitFor(() => expect(ids()).toEqual(['a', 'b', 'c']))
      end('a')
      end('c')
      await until(queues, queue, empty)
    })
    test('keeps queues apart', async () => {
      const { jobs: queues } = (await open()).engine
      const [one, two] = [unique('mail'), unique('calls')]
      const { handler, ids, end } = gate()
      await queues.add(two, jobs('a'))
      queues.work(one, handler, { concurrency: 1 })
      await queues.add(one, jobs('a'))
      await until(queues, one, { running: 1 })
      expect(ids()).toEqual(['a'])
      expect(await queues.counts(two)).toEqual({ ...empty, waiting: 1 })
      end('a')
    })
    test('holds a delayed job back', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const seen: string[] = []
      queues.work(queue, async (job) => void seen.push(job.id), { concurrency: 1 })
      await queues.add(queue, [
        { id: 'much later', payload: 0, delayMs: 1e9 },
        { id: 'later', payload: 0, delayMs: 30 },
        { id: 'now', payload: 0 },
      ])
      await vi.waitFor(() => expect(seen).toEqual(['now', 'later']))
      expect(await queues.counts(queue)).toEqual({ ...empty, delayed: 1 })
    })
    test('brings a failed job back with a higher number, and drops it in the end', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const attempts: number[] = []
      const handler = async (job: Job) => {
        attempts.push(job.attempt)
        throw new Error('no')
      }
      queues.work(queue, handler, { concurrency: 1, maxAttempts: 2 })
      await queues.add(queue, jobs('a'))
      await until(queues, queue, { delayed: 1 })
      expect(attempts).toEqual([1])
      await vi.waitFor(() => expect(attempts).toEqual([1, 2]), { timeout: 5_000 })
      await until(queues, queue, empty)
    })
    test('waits at a stop for what runs, tells it, and takes nothing more', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const { handler, ids, end, signals } = gate()
      const worker = queues.work(queue, handler, { concurrency: 1 })
      await queues.add(queue, jobs('a', 'b'))
      await vi.waitFor(() => expect(ids()).toEqual(['a']))
      let stopped = false
      const stopping = worker.stop().then(() => (stopped = true))
      await vi.waitFor(() => expect(signals.get('a')?.aborted).toBe(true))
      expect(stopped).toBe(false)
      end('a')
      await stopping
      expect(ids()).toEqual(['a'])
      expect(await queues.counts(queue)).toEqual({ ...empty, waiting: 1 })
    })
    test('gives a job that a stopping worker threw back to the next', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const first = gate()
      const worker = queues.work(queue, first.handler, { concurrency: 1 })
      await queues.add(queue, jobs('a'))
      await vi.waitFor(() => expect(first.ids()).toEqual(['a']))
      const stopping = worker.stop()
      first.end('a', new Error('aborted'))
      await stopping
      const second = gate()
      queues.work(queue, second.handler, { concurrency: 1 })
      await vi.waitFor(() => expect(second.started).toMatchObject([{ id: 'a', attempt: 2 }]))
      second.end('a')
      await until(queues, queue, empty)
    })
    test('forgets everything when cleared, and says so to what runs', async () => {
      const { jobs: queues } = (await open()).engine
      const queue = unique('mail')
      const { handler, ids, end, signals } = gate()
      queues.work(queue, handler, { concurrency: 1 })
      await queues.add(queue, [...jobs('a', 'b'), { id: 'c', payload: 0, delayMs: 1e6 }])
      await vi.waitFor(() => expect(ids()).toEqual(['a']))
      await queues.clear()
      expect(await queues.counts(queue)).toEqual(empty)
      expect(signals.get('a')?.aborted).toBe(true)
      end('a')
      await queues.add(queue, jobs('b'))
      await vi.waitFor(() => expect(ids()).toEqual(['a', 'b']))
      end('b')
      await until(queues, queue, empty)
    })
  })
}
