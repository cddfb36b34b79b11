// Who stops waiting learns why, and an answer that nobody waits for is no defect of ours.
import { describe, expect, test } from 'vitest'
import { deliverEvents, deliverJson } from '../../../src/api/invocations/deliver.ts'
import { NoLongerFollowed } from '../../../src/commands/invocation/follow-call.ts'
import { messagesFor } from '../../../src/messages/index.ts'
import { silent } from '../../support/silent.ts'

const given = () => Promise.reject(new NoLongerFollowed())
const here = new AbortController().signal
const left = AbortSignal.abort()

describe('waiting that was given up', () => {
  test.each([
    [here, 'stopping'],
    [left, 'client_left'],
  ])('%#: %s', async (signal, code) => {
    await expect(deliverJson(given(), signal)).rejects.toMatchObject({ code })
    const said: string[] = []
    const stream = (started: boolean) => ({
      started,
      at: { attempt: 1, offset: 0 },
      delta: () => undefined,
      rest: () => undefined,
      end: (event: string, data: string) => said.push(`${event} ${data}`),
      close: () => said.push('closed'),
    })
    const delivery = { left: signal, messages: messagesFor('en'), requestId: 'r', logger: silent }
    await expect(
      deliverEvents(given(), { ...delivery, stream: stream(false) }),
    ).rejects.toMatchObject({ code })
    await deliverEvents(given(), { ...delivery, stream: stream(true) })
    expect(said[0]).toBe('closed')
    expect(said[1]).toContain(`error {"type":"/docs#${code}"`)
  })
})
