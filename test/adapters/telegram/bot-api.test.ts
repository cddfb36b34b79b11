// The bot's line keeps Telegram's pace and waits, tells what is gone from what is away, and never lets the token out.
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBotApi } from '../../../src/adapters/telegram/bot-api.ts'
import {
  type ChatChannel,
  ChatCallRefused,
  ChatUnreachable,
} from '../../../src/ports/chat-channel.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { startTelegram, type TelegramServer } from '../../support/telegram/server.ts'

let telegram: TelegramServer
let chat: ChatChannel

beforeAll(async () => {
  telegram = await startTelegram()
  const pace = { privateMs: 60, groupMs: 150 }
  chat = createBotApi({ token: telegram.token, apiRoot: telegram.url, pace })
})
afterAll(() => telegram.close())

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const timesOf = (chatId: string) =>
  telegram.calls.filter(({ payload }) => payload['chat_id'] === chatId).map(({ at }) => at)

describe('pace', () => {
  test('messages of one chat keep their distance, those of another do not wait', async () => {
    await Promise.all([
      ...['a', 'b', 'c'].map((text) => chat.send('11', text)),
      ...['a', 'b'].map((text) => chat.send('-12', text)),
    ])
    const [first = 0, second = 0, third = 0] = timesOf('11')
    expect(second - first).toBeGreaterThanOrEqual(50)
    expect(third - second).toBeGreaterThanOrEqual(50)
    const [one = 0, two = 0] = timesOf('-12')
    expect(two - one).toBeGreaterThanOrEqual(140)
    expect(telegram.texts('11')).toEqual(['a', 'b', 'c'])
  })

  test('one that fails keeps nobody waiting for ever', async () => {
    telegram.misbehave('sendMessage', { status: 400, description: 'Bad Request: nonsense' })
    const [failed, sent] = await Promise.allSettled([chat.send('13', 'a'), chat.send('13', 'b')])
    expect([failed.status, sent.status]).toEqual(['rejected', 'fulfilled'])
  })
})

describe('what goes wrong', () => {
  test.each([
    [{ status: 403, description: 'Forbidden: bot was blocked by the user' }, ChatUnreachable],
    [{ status: 400, description: 'Bad Request: chat not found' }, ChatUnreachable],
    [{ status: 400, description: 'Bad Request: something else' }, ChatCallRefused],
    [{ status: 401, description: 'Unauthorized' }, ChatCallRefused],
    [{ status: 502, description: 'Bad Gateway' }, Unavailable],
    [{ status: 429, retryAfter: 600, description: 'Too Many Requests' }, Unavailable],
    [{ lost: true as const }, Unavailable],
  ])('%j', async (wrong, kind) => {
    telegram.misbehave('sendMessage', wrong)
    const error = await caught(chat.send('14', 'Pelican-9923'))
    expect(error).toBeInstanceOf(kind)
    const told = inspect(error, { depth: 20, showHidden: true })
    expect(told).not.toContain(telegram.token.split(':')[1])
    expect(told).not.toContain('Pelican-9923')
  })

  test('a text that is there already is no error', async () => {
    const messageId = await chat.send('15', 'same')
    await chat.edit('15', messageId, 'same')
    expect(telegram.texts('15')).toEqual(['same'])
  })

  test('an address where nobody is', async () => {
    const nobody = createBotApi({ token: telegram.token, apiRoot: 'http://127.0.0.1:9' })
    const error = await caught(nobody.username())
    expect(error).toBeInstanceOf(Unavailable)
    expect(inspect(error, { depth: 20 })).not.toContain(telegram.token.split(':')[1])
  })

  test('another token than the bot’s', async () => {
    const wrong = createBotApi({ token: '1:wrong', apiRoot: telegram.url })
    expect(await caught(wrong.username())).toMatchObject({ status: 401 })
  })
})
