/**
 * The second half: somebody comes by Telegram, pays at Paddle, talks to an agent through the bot and gets
 * money back; every step of it stands in the ledger.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, createClient, type Json } from './client.ts'
import { type FrontDoors, MONTHLY_PRICE, TOP_UP_PRICE, widgetQuery } from './front-doors.ts'
import { came, dim, printed, said, say, step, typed } from './screen.ts'
import type { DemoServer } from './server.ts'
import { ledger, type Money, usd } from './books.ts'

const WITHIN_MS = 20_000

export async function tellSecondHalf(server: DemoServer, doors: FrontDoors): Promise<void> {
  const client = createClient(server.url)
  const person = doors.telegram.person({ first_name: 'Charles', username: 'charles' })
  await charlesComes(doors, client, person.id)
  const planId = await planIsPublished(server)
  const paid = await charlesPays(doors, client, planId)
  await agentForTheBot(client)
  await talk(doors, person)
  await refund(doors, client, paid)
  step('The ledger of Charles: each of these steps')
  await ledger(client)
}

async function charlesComes(doors: FrontDoors, client: Client, id: number): Promise<void> {
  step(`Charles signs in by Telegram ${dim('(what its widget signs is checked and works once)')}`)
  const person = { id: String(id), first_name: 'Charles', username: 'charles' }
  const path = `/auth/telegram/callback?${widgetQuery(doors.telegram.token, person)}`
  const location = await client.redirected(path)
  const code = new URL(location).searchParams.get('code') ?? ''
  const { access_token: token } = await client.call<{ access_token: string }>(
    'POST /auth/telegram/exchange',
    { body: { code } },
    200,
    () => 'tokens; the code is good once, for a minute',
  )
  client.signIn(token)
  await client.call(
    'GET /me',
    {},
    200,
    (me: Json) => `${String(me['id'])}, ${String(me['email'])}: made up until he gives one`,
  )
}

async function planIsPublished(server: DemoServer): Promise<string> {
  step('The operator publishes a plan that is paid at Paddle')
  const plan = {
    name: 'Team',
    slug: 'team',
    prices: { price_list: 'Starter prices' },
    included_credit: { amount: '25.00', kind: 'included', period: 'month' },
    grace_days: 7,
    free: false,
    agents: 'all',
    limits: { concurrent_invocations: 16 },
    payment: {
      prices: [{ price_id: MONTHLY_PRICE }],
      top_up_prices: [TOP_UP_PRICE],
      credit_per_minor_unit: { USD: '0.01' },
    },
    self_subscribe: true,
  }
  typed('plan publish team.json')
  const file = server.write('team.json', JSON.stringify(plan))
  const answer = JSON.parse(await server.daybook(['--json', 'plan', 'publish', file])) as Json
  printed(`Team: 25.00 USD a month, which is also its credit`)
  typed('paddle check')
  printed(await server.daybook(['paddle', 'check']))
  return String(answer['id'] ?? answer['plan_id'])
}

/** Answers Paddle's id of what he paid. */
async function charlesPays(doors: FrontDoors, client: Client, planId: string): Promise<string> {
  step(`Charles subscribes ${dim('(at a practice Paddle: no money moves)')}`)
  await client.call<{ checkout: { url: string } }>(
    'POST /billing/subscribe',
    { body: { plan_id: planId } },
    202,
    (answer) => `pay at ${answer.checkout.url}`,
  )
  const { account } = doors.paddle
  const transaction = [...account.books.transactions.keys()].at(-1) ?? ''
  account.pay(transaction)
  const told = () => doors.paddle.delivery.delivered.length
  const active = await until(client, ({ plan }) => plan?.slug === 'team')
  came(
    'paddle',
    `paid; ${told()} signed notifications: plan ${String(active.plan?.slug)}, ${active.status}`,
  )
  await until(client, ({ balance }) => Number(balance.amount) >= 25)
  return transaction
}

interface Account {
  readonly status: string
  readonly balance: Money
  readonly plan: { readonly slug: string } | null
}

/** The account, once it is as it should be: notifications are applied after they were answered. */
async function until(client: Client, holds: (account: Account) => boolean): Promise<Account> {
  const ends = Date.now() + WITHIN_MS
  for (;;) {
    const account = await client.call<Account>('GET /billing/account', { quiet: true }, 200, String)
    if (holds(account)) return account
    if (Date.now() > ends) throw new Error(`the account stays ${JSON.stringify(account)}`)
    await delay(50)
  }
}

async function agentForTheBot(client: Client): Promise<void> {
  const version = {
    system_prompt: 'You answer in one short paragraph.',
    prompt_template: '{{input}}',
    model_name: 'practice-1',
    max_tokens: 60,
  }
  const body = { slug: 'helper', name: 'Helper', version }
  await client.call('POST /agents', { body, quiet: true }, 201, String)
}

type Person = ReturnType<FrontDoors['telegram']['person']>

async function talk(doors: FrontDoors, person: Person): Promise<void> {
  step('Charles talks to his agent through the bot')
  const { telegram } = doors
  const heard = () => telegram.messages.filter(({ chatId }) => chatId === String(person.chatId))
  /** What the bot has said to this, when it says no more. */
  const answered = async (act: () => void, what: string) => {
    const before = heard().length
    said('Charles', what)
    act()
    const ends = Date.now() + WITHIN_MS
    let settled = ''
    for (;;) {
      await delay(1_200)
      const text = heard()
        .slice(before)
        .map((message) => message.text)
        .join('\n')
      if (text !== '' && text === settled) return said('bot', text)
      settled = text
      if (Date.now() > ends) throw new Error(`the bot does not answer ${what}`)
    }
  }
  await answered(() => person.say('/start'), '/start')
  await answered(() => person.say('/agents helper'), '/agents helper')
  const question = 'What is a daybook?'
  await answered(() => person.say(question), question)
  await answered(() => person.say('/balance'), '/balance')
}

async function refund(doors: FrontDoors, client: Client, transaction: string): Promise<void> {
  step('Charles gets half of his money back')
  const { account } = doors.paddle
  const before = await until(client, () => true)
  const paid = BigInt(account.books.transaction(transaction).details.totals.total)
  account.decide(account.refund(transaction, paid / 2n), 'approved')
  const after = await until(client, ({ balance }) => balance.amount !== before.balance.amount)
  came('paddle', `approved: balance ${usd(before.balance)} → ${usd(after.balance)}`)
  say()
}
