// The operator stops all calls to models with one command, while a server runs or without one, and the
// server that runs refuses from then on.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Installation, installation } from '../support/command-line.ts'

// Each line is a process that opens the data: slow where the machine is busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
let own: Installation
beforeAll(async () => {
  own = await installation()
})
afterAll(() => own.remove())

test('stop and resume are facts of the log, said once', async () => {
  const stopped = await own.daybook('stop', '--reason', 'the bill')
  expect(stopped).toMatchObject({ code: 0, err: '' })
  expect(stopped.out).toMatch(/^Calls to models are stopped since \S+: the bill\n$/)
  const again = await own.daybook('--json', 'stop', '--reason', 'another')
  expect(again.rows()).toMatchObject([{ stopped: true, reason: 'the bill' }])
  expect((await own.daybook('resume')).out).toBe('Calls to models begin again.\n')
  await own.daybook('resume')
  const events = await own.daybook('--json', 'events', '--stream', 'installation-platform')
  expect(events.rows().map(({ type }) => type)).toEqual(['CallsStopped', 'CallsResumed'])
})
