// Each record is one JSON line; an error never brings along what a library has hung on it.
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createJsonLogger, type LogLevel } from '../../src/adapters/json-logger.ts'

const clock = { now: () => new Date('2026-01-01T00:00:00.000Z') }

function logger(level: LogLevel = 'info') {
  const writes: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      writes.push(chunk)
      done()
    },
  })
  const log = createJsonLogger({ stream, level, clock })
  const lines = () =>
    writes
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { log, writes, lines }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a record is one line with time, level, message and fields', async () => {
  const { log, writes } = logger()
  log.info({ stream: 'user-1', text: 'two\nlines' }, 'said')
  await turn()
  expect(writes).toEqual([
    '{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"said","stream":"user-1","text":"two\\nlines"}\n',
  ])
})

test('records of one turn are written together, in order', async () => {
  const { log, writes, lines } = logger('debug')
  log.debug({ n: 1 }, 'a')
  log.error({ n: 2 }, 'b')
  expect(writes).toEqual([])
  await turn()
  expect(writes).toHaveLength(1)
  expect(lines().map(({ n }) => n)).toEqual([1, 2])
  log.warn({ n: 3 }, 'c')
  log.flush()
  expect(lines().map(({ n }) => n)).toEqual([1, 2, 3])
})

test('below its level nothing is written', async () => {
  const { log, lines } = logger('warn')
  log.debug({}, 'a')
  log.info({}, 'b')
  log.warn({}, 'c')
  log.error({}, 'd')
  await turn()
  expect(lines().map(({ message }) => message)).toEqual(['c', 'd'])
})

test('fields cannot pass for the time, the level or the message', async () => {
  const { log, lines } = logger()
  log.info({ level: 'error', message: 'forged', time: 'never' }, 'true')
  await turn()
  expect(lines()).toEqual([{ time: '2026-01-01T00:00:00.000Z', level: 'info', message: 'true' }])
})

test('of an error only name, message, stack and causes', async () => {
  const { log, writes, lines } = logger()
  const cause = Object.assign(new TypeError('inner'), { request: { authorization: 'canary-1' } })
  const error = Object.assign(new Error('outer', { cause }), { config: { key: 'canary-2' } })
  log.error({ error, nested: { error } }, 'failed')
  await turn()
  const [line] = lines()
  expect(line).toMatchObject({
    error: { name: 'Error', message: 'outer', cause: { name: 'TypeError', message: 'inner' } },
    nested: { error: { message: 'outer' } },
  })
  expect(line?.['error']).toHaveProperty('stack', error.stack)
  expect(writes.join('')).not.toContain('canary')
})

test('what cannot be written as JSON does not throw', async () => {
  const { log, lines } = logger()
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  const error = new Error('its own cause')
  error.cause = error
  log.info(circle, 'circle')
  log.info({ amount: 3n, error }, 'bigint')
  await turn()
  expect(lines()).toMatchObject([
    { message: 'circle', fields: 'cannot be written as JSON' },
    { message: 'bigint', amount: '3', error: { message: 'its own cause' } },
  ])
})

test('behind a reader that does not read, lines are dropped and counted', async () => {
  const held: (() => void)[] = []
  const writes: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      writes.push(chunk)
      held.push(done)
    },
  })
  const log = createJsonLogger({ stream, level: 'info', clock })
  const text = 'x'.repeat(9 * 1024 * 1024)
  log.info({ text }, 'large')
  log.flush()
  for (let i = 0; i < 3; i++) log.info({}, 'lost')
  for (const done of held.splice(0)) done()
  await turn()
  log.info({}, 'heard')
  log.flush()
  for (const done of held.splice(0)) done()
  const rest = writes.slice(1).join('')
  expect(rest).toContain('"dropped":3')
  expect(rest).toContain('"message":"heard"')
  expect(rest).not.toContain('lost"')
})
