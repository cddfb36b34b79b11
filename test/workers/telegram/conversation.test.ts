// A person talks to the bot from /start to /stop: each command has one effect and an answer in their language.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findUserByTelegram } from '../../../src/commands/user/telegram/find-user-by-telegram.ts'
import { deactivateUser } from '../../../src/commands/user/deactivate-user.ts'
import { reactivateUser } from '../../../src/commands/user/reactivate-user.ts'
import { removeMember } from '../../../src/commands/organization/remove-member.ts'
import { organization } from '../../../src/domain/organization/organization.ts'
import { createAgent } from '../../../src/commands/agent/create-agent.ts'
import type { AgentVersionInput } from '../../../src/domain/agent/events.ts'
import { moneyOf, version } from '../../support/funded.ts'
import { eventually, mailedToken, newPerson } from '../../support/people.ts'
import { addMember, operatorRoot } from '../../support/seed.ts'
import { allHandled, type BotApp, newcomer, startBot } from '../../support/telegram/bot.ts'
import type { TelegramPerson } from '../../support/telegram/people.ts'
import { publishTerms } from '../../support/test-terms.ts'
import { openable } from '../../support/upstream.ts'

let bot: BotApp

beforeAll(async () => {
  bot = await startBot()
  await publishTerms(bot.test)
  await anAgent('platform', 'helper', version({ abortPolicy: 'cancel_estimate' }))
  await bot.test.settled()
})
afterAll(() => bot.stop())

async function anAgent(owner: string, slug: string, input: AgentVersionInput): Promise<void> {
  const { deps } = bot.test.app
  await createAgent(deps, operatorRoot(deps), { owner, slug, name: `The ${slug}`, version: input })
}

/** What the bot answers to it. */
async function answerTo(person: TelegramPerson, say: () => unknown): Promise<string> {
  const before = bot.telegram.texts(person.chatId).length
  say()
  const messages = await bot.telegram.said(person.chatId, before + 1)
  return messages[before]?.text ?? ''
}
const says = (person: TelegramPerson, text: string) => answerTo(person, () => person.say(text))
const presses = (person: TelegramPerson, label: string) =>
  answerTo(person, () => person.press(label))

/** The whole answer of an agent: the last edit ends with what it costs. */
async function asks(person: TelegramPerson, text: string): Promise<string> {
  await says(person, text)
  const last = () => bot.telegram.texts(person.chatId).at(-1) ?? ''
  await bot.telegram.until(() => /— [\d.]+ USD$/.test(last()))
  return last()
}

describe('beginning', () => {
  test('nobody is anybody before /start', async () => {
    const ann = bot.telegram.person()
    expect(await says(ann, 'hello?')).toContain('/start')
    expect(await findUserByTelegram(bot.test.app.deps, String(ann.id))).toBeUndefined()
    expect(await says(ann, '/start')).toContain('You have an account now')
    const user = await findUserByTelegram(bot.test.app.deps, String(ann.id))
    expect(user).toMatchObject({ provisional: true, active: true, locale: 'en' })
    expect(await says(ann, '/start')).toContain('Good to see you')
  })

  test('speaks as the person’s Telegram does, then as they choose', async () => {
    const boris = bot.telegram.person({ language_code: 'ru-RU' })
    expect(await says(boris, '/start')).toContain('Добро пожаловать')
    expect(await says(boris, '/locale')).toContain('язык')
    expect(await presses(boris, 'English')).toBe('From now on I speak English with you.')
    expect(await says(boris, '/locale RU')).toContain('по-русски')
    expect(await says(boris, '/locale tlh')).toContain('не говорю')
    expect(await says(boris, '/help')).toContain('/balance – ')
  })

  test('shows its commands in every language', () => {
    expect([...bot.telegram.menus.keys()].sort()).toEqual(['', 'en', 'ru'])
    const commands = bot.telegram.menus.get('ru')?.map(({ command }) => command)
    expect(commands).toContain('ask')
    expect(commands).not.toContain('subscribe')
  })
})

describe('/register', () => {
  test('takes an address in place of the made-up one, to be confirmed by mail', async () => {
    const { person, userId } = await newcomer(bot)
    expect(await says(person, '/register')).toContain('/register ada@example.com')
    expect(await says(person, '/register no address')).toContain('not an e-mail address')
    const email = `bot-${person.id}@example.com`
    expect(await says(person, `/register ${email.toUpperCase()}`)).toContain('A mail is on its way')
    const user = await findUserByTelegram(bot.test.app.deps, String(person.id))
    expect(user).toMatchObject({ userId, email, provisional: false, emailVerified: false })
    const token = await mailedToken(bot.test, email, 'verify_email')
    const verified = await bot.test.request('POST /auth/verify-email', { body: { token } })
    expect(verified.status).toBe(204)
    expect(await says(person, '/register other@example.com')).toContain('has an e-mail address')
  })

  test('says of a taken address what it says of a free one, and its owner hears of it', async () => {
    const owner = await newPerson(bot.test)
    const { person } = await newcomer(bot)
    const free = await says(person, '/register')
    expect(free).toBeDefined()
    const taken = await says(person, `/register ${owner.email}`)
    expect(taken).toBe(
      'A mail is on its way to this address. Open the link in it to confirm that it is yours.',
    )
    const user = await findUserByTelegram(bot.test.app.deps, String(person.id))
    expect(user?.provisional).toBe(true)
    const events = await bot.test.app.engine.events.readAll({ after: -1n, limit: 10_000 })
    const attempts = events.filter(({ type }) => type === 'RegistrationAttempted')
    expect(attempts.map(({ data }) => data['userId'])).toEqual([owner.userId])
  })
})

describe('asking', () => {
  test('an agent is chosen from a list or by its short name', async () => {
    const { person } = await newcomer(bot)
    expect(await says(person, '/agents')).toContain('helper – The helper')
    expect(await presses(person, 'The helper')).toContain('“The helper” answers you now')
    expect(await says(person, '/agents Helper')).toContain('“The helper” answers you now')
    expect(await says(person, '/agents nobody')).toContain('no such agent')
  })

  test('a text is a question to the chosen agent, paid once', async () => {
    const { person, orgId } = await newcomer(bot)
    bot.test.upstream.next({ text: 'Forty-two, of course.' })
    const before = await moneyOf(bot.test, orgId)
    const answer = await asks(person, 'What is six times seven?')
    expect(answer).toMatch(/^Forty-two, of course\.\n\n— 0\.\d+ USD$/)
    await bot.test.settled()
    const { balance, held } = await moneyOf(bot.test, orgId)
    expect(held).toBe(0n)
    expect(balance).toBeLessThan(before.balance)
    expect(await says(person, '/usage')).toMatch(/^This month: 1 answer, \d+ tokens, 0\.\d+ USD$/)
    expect(await says(person, '/balance')).toMatch(/^Credit: [\d.]+ USD\nPlan: free$/)
    const asked = bot.test.upstream.requests.at(-1)?.body['messages'] as { content: string }[]
    expect(asked.at(-1)?.content).toBe('What is six times seven?')
  })

  test('the answer is edited in as it comes', async () => {
    const { person } = await newcomer(bot)
    const midGate = openable()
    bot.test.upstream.next({ text: ['One ', 'two ', 'three.'], after: 2, midGate })
    expect(await says(person, '/ask Count.')).toMatch(/^One/)
    await bot.telegram.until(() => bot.telegram.texts(person.chatId).at(-1) === 'One two')
    midGate.open()
    await bot.telegram.until(() =>
      /three\.\n\n— /.test(bot.telegram.texts(person.chatId).at(-1) ?? ''),
    )
    expect(bot.telegram.texts(person.chatId)).toHaveLength(2)
  })

  test('/cancel breaks it off at once', async () => {
    const { person } = await newcomer(bot)
    bot.test.upstream.next({ text: ['Once ', 'upon '], after: 2, ending: 'stall' })
    expect(await says(person, 'A story!')).toMatch(/^Once/)
    expect(await says(person, '/cancel')).toBe('I am stopping it.')
    await bot.telegram.until(() =>
      bot.telegram.texts(person.chatId).some((text) => /Stopped, as you asked\./.test(text)),
    )
    expect(await says(person, '/cancel')).toBe('No answer is being written.')
  })

  test('without credit says what is missing and where to look', async () => {
    const { person, orgId } = await newcomer(bot, { creditNanos: 0n })
    await anAgent(orgId, 'dear', version({ maxTokens: 16_000 }))
    await bot.test.settled()
    expect(await says(person, 'Hello')).toContain('Which agent')
    await says(person, '/agents dear')
    const refused = await says(person, 'Hello')
    expect(refused).toMatch(/USD/)
    expect(refused).toContain('/balance')
  })

  test('a failure of the provider is told, and free', async () => {
    const { person, orgId } = await newcomer(bot)
    bot.test.upstream.next({ status: 401, error: { code: 'invalid_api_key' } })
    const before = await moneyOf(bot.test, orgId)
    expect(await says(person, 'Hello')).not.toContain('invalid_api_key')
    await bot.test.settled()
    expect(await moneyOf(bot.test, orgId)).toEqual(before)
  })
})

describe('another organization', () => {
  test('is chosen by a button, and decides what its member may do', async () => {
    const { person, userId } = await newcomer(bot)
    const host = await newPerson(bot.test)
    await addMember(bot.test, host.orgId, userId, 'auditor')
    await bot.test.settled()
    const before = bot.test.upstream.requests.length
    expect(await says(person, '/organization')).toContain('Which organization')
    const { state } = await bot.test.app.deps.streams.load(organization, host.orgId)
    const called = typeof state?.name === 'string' ? state.name : ''
    expect(await presses(person, called)).toContain('From now on you ask here')
    expect(await says(person, 'May I ask?')).toContain('member')
    expect(bot.test.upstream.requests).toHaveLength(before)
    const denied = await eventually(async () => {
      const log = await bot.test.app.engine.events.readAll({ after: -1n, limit: 10_000 })
      return log.find(({ type }) => type === 'AccessDenied')
    })
    expect(denied.data['items']).toMatchObject([{ code: 'forbidden', userId, method: 'POST' }])
    // Whoever does not belong to it any more asks for themselves again.
    await removeMember(bot.test.app.deps, operatorRoot(bot.test.app.deps), {
      orgId: host.orgId,
      userId,
      by: host.userId,
    })
    expect(await asks(person, 'And now?')).toContain('— ')
  })
})

describe('silence', () => {
  test('/stop holds until /start', async () => {
    const { person } = await newcomer(bot)
    expect(await says(person, '/stop')).toContain('/start I am back')
    const said = bot.telegram.texts(person.chatId).length
    person.say('/help')
    person.say('Are you there?')
    const outcomes = await allHandled(bot.test, person.chatId, 4)
    expect(outcomes.slice(-2)).toEqual(['help silent', 'text silent'])
    expect(bot.telegram.texts(person.chatId)).toHaveLength(said)
    expect(await says(person, '/start')).toContain('Good to see you')
  })

  test('a deactivated person is refused in words', async () => {
    const { person, userId } = await newcomer(bot)
    const { deps } = bot.test.app
    await deactivateUser(deps, operatorRoot(deps), { userId })
    for (const text of ['/balance', 'Hello', '/start'])
      expect(await says(person, text)).toContain('deactivated')
    await reactivateUser(deps, operatorRoot(deps), { userId })
    expect(await says(person, '/balance')).toContain('Credit')
  })
})

describe('a group', () => {
  test('hears commands that name the bot, and nothing else', async () => {
    const { person } = await newcomer(bot)
    const inGroup = bot.telegram.person({ id: person.id, group: -1_001_234_567_890 })
    inGroup.say('just talking')
    inGroup.say('/help')
    inGroup.say('/help@another_bot')
    inGroup.say(`/help@${bot.telegram.username}`)
    await bot.telegram.said(inGroup.chatId, 1)
    // The first is not even stored.
    const outcomes = await allHandled(bot.test, inGroup.chatId, 3)
    expect(outcomes).toEqual(['help ignored', 'help ignored', 'help answered'])
    const [message] = bot.telegram.messages.filter(
      ({ chatId }) => chatId === String(inGroup.chatId),
    )
    expect(message?.replyTo).toBeTypeOf('number')
  })
})
