// Whatever Telegram does (twice, out of order, 429, 502, lost answers, a blocked bot), an update has one effect and the person an answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publishAgent, version } from '../../support/funded.ts'
import { eventually } from '../../support/people.ts'
import { allHandled, type BotApp, newcomer, startBot } from '../../support/telegram/bot.ts'
import type { TelegramPerson } from '../../support/telegram/people.ts'
import { publishTerms } from '../../support/test-terms.ts'
import { openable } from '../../support/upstream.ts'

let bot: BotApp

beforeAll(async () => {
  bot = await startBot()
  await publishTerms(bot.test)
  await publishAgent(bot.test, 'platform', version())
  await bot.test.settled()
})
afterAll(() => bot.stop())

const texts = (person: TelegramPerson) => bot.telegram.texts(person.chatId)
const calls = () => bot.test.upstream.requests.length
const eventsOf = async (type: string) => {
  const events = await bot.test.app.engine.events.readAll({ after: -1n, limit: 10_000 })
  return events.filter((event) => event.type === type)
}

describe('updates', () => {
  test('that come twice have one effect', async () => {
    const { person } = await newcomer(bot)
    const before = calls()
    const question = person.say('Once?')
    bot.telegram.push(question, question)
    person.say('/help')
    bot.telegram.push(question)
    expect(await allHandled(bot.test, person.chatId, 3)).toEqual([
      'start answered',
      'text answered',
      'help answered',
    ])
    expect(calls()).toBe(before + 1)
    expect(texts(person)).toHaveLength(3)
  })

  test('with an old number and another message are new', async () => {
    const { person } = await newcomer(bot)
    const first = person.say('/help')
    await allHandled(bot.test, person.chatId, 2)
    const second = bot.telegram.last
    expect(second).toBe(first)
    bot.telegram.hold()
    const other = person.say('/usage')
    bot.telegram.letGo(() => [{ ...other, update_id: first.update_id }])
    expect(await allHandled(bot.test, person.chatId, 3)).toContain('usage answered')
  })

  test('that come in another order end in the same state', async () => {
    const { person } = await newcomer(bot)
    bot.telegram.hold()
    person.say('/start')
    person.say('/stop')
    bot.telegram.letGo((held) => held.toReversed())
    await allHandled(bot.test, person.chatId, 3)
    person.say('/help')
    expect((await allHandled(bot.test, person.chatId, 4)).at(-1)).toBe('help silent')
  })

  test('of one chat are handled one after the other, of two at once', async () => {
    const [ann, bob] = [await newcomer(bot), await newcomer(bot)]
    const gate = openable()
    bot.test.upstream.next({ gate, text: 'First.' }, { text: 'Of Bob.' }, { text: 'Second.' })
    const before = calls()
    ann.person.say('One?')
    await bot.test.upstream.arrived(before + 1)
    ann.person.say('Two?')
    bob.person.say('Me?')
    await bot.telegram.until(() => texts(bob.person)[1]?.startsWith('Of Bob') ?? false)
    expect(calls()).toBe(before + 2)
    gate.open()
    await allHandled(bot.test, ann.person.chatId, 3)
    expect(
      texts(ann.person)
        .slice(1)
        .map((text) => text.split('\n')[0]),
    ).toEqual(['First.', 'Second.'])
  })

  test('that nobody can read keep nobody waiting', async () => {
    const { person } = await newcomer(bot)
    const broken = { update_id: 1_000_000_000, message: { chat: 'nonsense' } }
    bot.telegram.push(broken, { update_id: 1_000_000_001 })
    person.say('/help')
    expect(await allHandled(bot.test, person.chatId, 2)).toContain('help answered')
  })

  test('a photo is answered in words', async () => {
    const { person } = await newcomer(bot)
    bot.telegram.hold()
    const said = person.say('x')
    const { text: _text, ...photo } = said['message'] as { text: string }
    bot.telegram.letGo(() => [{ ...said, message: photo }])
    await allHandled(bot.test, person.chatId, 2)
    expect(texts(person).at(-1)).toContain('only text')
  })
})

describe('sending', () => {
  test('waits as long as Telegram asks for', async () => {
    const { person } = await newcomer(bot)
    bot.telegram.misbehave('sendMessage', { status: 429, retryAfter: 1 })
    person.say('/help')
    await allHandled(bot.test, person.chatId, 2)
    const sent = bot.telegram.calls.filter(
      ({ method, payload }) =>
        method === 'sendMessage' && payload['chat_id'] === String(person.chatId),
    )
    const [refused, again] = sent.slice(-2)
    expect((again?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(990)
    expect(texts(person)).toHaveLength(2)
  })

  test('is tried again when Telegram is away, and pays once', async () => {
    const { person } = await newcomer(bot)
    const before = calls()
    bot.telegram.misbehave('sendMessage', { status: 502 }, { status: 502 })
    bot.test.upstream.next({ text: 'All the same.' })
    person.say('Are you there?')
    await allHandled(bot.test, person.chatId, 2)
    expect(texts(person).at(-1)).toMatch(/^All the same\./)
    expect(calls()).toBe(before + 1)
  })

  test('may say twice what arrived unheard, and does it once', async () => {
    const { person } = await newcomer(bot)
    const changes = (await eventsOf('LocaleChanged')).length
    bot.telegram.misbehave('sendMessage', { lost: true })
    person.say('/locale ru')
    await allHandled(bot.test, person.chatId, 2)
    expect(
      texts(person)
        .slice(1)
        .every((text) => text.includes('по-русски')),
    ).toBe(true)
    expect((await eventsOf('LocaleChanged')).length).toBe(changes + 1)
  })

  test('ends when the bot is blocked, until the person writes again', async () => {
    const { person } = await newcomer(bot)
    bot.telegram.misbehave('sendMessage', {
      status: 403,
      description: 'Forbidden: bot was blocked by the user',
    })
    person.say('/help')
    expect((await allHandled(bot.test, person.chatId, 2)).at(-1)).toBe('help unreachable')
    const blocked = (await eventsOf('TelegramChatBlocked')).length
    expect(blocked).toBe(1)
    person.say('/help')
    expect((await allHandled(bot.test, person.chatId, 3)).at(-1)).toBe('help answered')
    person.block()
    await allHandled(bot.test, person.chatId, 4)
    expect(await eventsOf('TelegramChatBlocked')).toHaveLength(2)
    person.block(false)
    person.say('/help')
    expect((await allHandled(bot.test, person.chatId, 6)).at(-1)).toBe('help answered')
  })

  test('leaves alone what Telegram refuses for good', async () => {
    const { person } = await newcomer(bot)
    bot.telegram.misbehave('sendMessage', { status: 400, description: 'Bad Request: nonsense' })
    person.say('/help')
    await allHandled(bot.test, person.chatId, 2)
    person.say('/usage')
    expect((await allHandled(bot.test, person.chatId, 3)).at(-1)).toBe('usage answered')
  })
})

test('the words of an update are gone when it has been handled, and were never in the log', async () => {
  const { person } = await newcomer(bot)
  person.say('Pelican-9923 is a secret')
  await allHandled(bot.test, person.chatId, 2)
  const { contents } = bot.test.app.engine
  await eventually(async () => {
    const left = await contents.list({ prefix: 'telegram-', limit: 100 })
    return left.length === 0 ? true : undefined
  })
  const log = await bot.test.app.engine.events.readAll({ after: -1n, limit: 10_000 })
  const text = JSON.stringify(log.map(({ data, metadata }) => ({ data, metadata })))
  expect(text).not.toContain('Pelican-9923')
  expect(text).not.toContain(String(person.id))
})
