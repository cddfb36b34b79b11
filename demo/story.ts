/** The story that the demo tells: what is asked, what comes back, and what the books say at the end. */
import { randomBytes } from 'node:crypto'
import { type Client, createClient, type Json } from './client.ts'
import { ledger, type Money, usd } from './books.ts'
import type { FrontDoors } from './front-doors.ts'
import { bold, came, dim, printed, say, step, typed, wrapped } from './screen.ts'
import { tellSecondHalf } from './second-story.ts'
import type { DemoServer } from './server.ts'

const ADA = 'ada@example.com'
const ADMINISTRATOR = 'admin@example.com'

export async function tellStory(
  server: DemoServer,
  doors: FrontDoors,
  keep: boolean,
): Promise<void> {
  const started = performance.now()
  const passwords = { ada: secret(), administrator: secret() }
  const client = createClient(server.url)

  step(server.about.title)
  came('ready', `${server.url}, ${server.about.data}`)

  await operatorPrepares(server, passwords.administrator)
  await adaSignsUp(server, client, passwords.ada)
  const orgId = await planAndCredit(server, client)
  const agentId = await agent(client)
  await invoke(client, agentId)
  await books(client)
  await tellSecondHalf(server, doors)
  await proof(server, orgId)
  ending(server, keep, passwords, Math.round((performance.now() - started) / 100) / 10)
}

const secret = () => randomBytes(12).toString('base64url')

async function operatorPrepares(server: DemoServer, password: string): Promise<void> {
  step('The operator: a first administrator, models, prices and plans')
  typed(`admin create --email ${ADMINISTRATOR}   ${dim('(the password from standard input)')}`)
  printed(await server.daybook(['admin', 'create', '--email', ADMINISTRATOR], `${password}\n`))
  typed('seed')
  printed(lastLines(await server.daybook(['seed']), 4))
}

async function adaSignsUp(server: DemoServer, client: Client, password: string): Promise<void> {
  step('Ada registers, proves her address and signs in')
  await client.call(
    'POST /auth/register',
    { body: { email: ADA, password, locale: 'en' } },
    202,
    (answer: { message: string }) => answer.message,
  )
  const mails = await server.daybook(['--json', 'mail', 'list'])
  const link = /https?:[^"\s]*verify[^"\s]*token=([\w.~-]+)/.exec(mails)
  if (!link?.[1]) throw new Error(`no verification link among the mails: ${mails}`)
  await client.call('POST /auth/verify-email', { body: { token: link[1] } }, 204, () => 'verified')
  const tokens = await client.call<{ access_token: string; expires_in: number }>(
    'POST /auth/login',
    { body: { email: ADA, password } },
    200,
    (answer) => `an access token for ${answer.expires_in / 60} minutes, and a refresh token`,
  )
  client.signIn(tokens.access_token)
  await client.call(
    'GET /me',
    {},
    200,
    (me: Json) =>
      `${String(me['id'])}, ${String(me['email'])}, verified: ${String(me['email_verified'])}`,
  )
}

async function planAndCredit(server: DemoServer, client: Client): Promise<string> {
  step('Her organization, a plan and credit')
  const organization = await client.call<{ id: string }>(
    'POST /organizations',
    { body: { name: 'Analytical Engines' } },
    201,
    (answer) => answer.id,
  )
  const orgId = organization.id
  client.use(orgId)
  const plans = await client.call<{ items: { id: string; slug: string; name: string }[] }>(
    'GET /billing/plans',
    {},
    200,
    ({ items }) => items.map((plan) => plan.name).join(', '),
  )
  const free = plans.items.find((plan) => plan.slug === 'free')
  if (!free) throw new Error('the plan free is not offered')
  await client.call(
    'POST /billing/subscribe',
    { body: { plan_id: free.id } },
    200,
    (answer: Json) => `status ${String(answer['status'])}`,
  )
  typed(`credit grant ${orgId} 5.00 --reason "bank transfer 4711"`)
  printed(
    await server.daybook(['credit', 'grant', orgId, '5.00', '--reason', 'bank transfer 4711']),
  )
  return orgId
}

async function agent(client: Client): Promise<string> {
  step('An agent: a prompt with declared variables, in versions that never change')
  const version = {
    system_prompt: 'You explain machines to {{audience}} in plain words.',
    prompt_template: 'Explain: {{input}}',
    model_name: 'practice-1',
    max_tokens: 120,
    variables: [{ name: 'audience', description: 'who reads it' }],
  }
  const { id: agentId } = await client.call<{ id: string }>(
    'POST /agents',
    { body: { slug: 'explainer', name: 'Explainer', version } },
    201,
    (answer) => answer.id,
  )
  const body = { input: 'what a difference engine is', variables: { audience: 'children' } }
  await client.call(
    `POST /agents/${agentId}/render`,
    { body },
    200,
    (answer: { messages: { role: string; content: string }[] }) =>
      answer.messages.map(({ role, content }) => `${role}: ${content}`).join(' · '),
  )
  await client.call(
    `POST /agents/${agentId}/invoke`,
    { body: { input: 'and without the variable?' } },
    422,
    (problem: Json) => `${String(problem['code'])}: ${String(problem['detail'])}`,
  )
  return agentId
}

async function invoke(client: Client, agentId: string): Promise<void> {
  const variables = { audience: 'children' }
  step('Invoke: an answer')
  await client.call(
    `POST /agents/${agentId}/invoke`,
    { body: { input: 'what a difference engine is', variables, metadata: { chapter: '1' } } },
    200,
    (answer: { output: string; cost: Money; balance_after: Money }) =>
      `cost ${usd(answer.cost)}, balance ${usd(answer.balance_after)}\n${quoted(answer.output)}`,
  )
  step('Invoke: the same as a stream, as it is produced')
  let cost: Money | undefined
  const body = { input: 'what an analytical engine is', variables, stream: true }
  await client.stream(
    `/agents/${agentId}/invoke`,
    body,
    writer((done) => (cost = done['cost'] as Money)),
  )
  if (!cost) throw new Error('the stream ended without its answer')
  say()
  came('done', `cost ${usd(cost)}`)
}

/** Writes the text of a stream as it comes, wrapped for a terminal. */
function writer(onDone: (answer: Json) => void): (event: string, data: Json) => void {
  let column = 0
  return (event, data) => {
    if (event === 'error') throw new Error(`the stream ended with ${JSON.stringify(data)}`)
    if (event === 'done') return onDone(data)
    for (const word of String(data['text']).split(/(?<=\s)/)) {
      const wraps = column === 0 || column + word.length > 72
      const shown = wraps ? word.trimStart() : word
      // The space between two lines is the line's end.
      if (shown === '') continue
      if (wraps) process.stdout.write(`${column === 0 ? '' : '\n'}      `)
      process.stdout.write(shown.replaceAll('\n', ' '))
      column = wraps ? shown.length : column + shown.length
    }
  }
}

async function books(client: Client): Promise<void> {
  step('What was used, and what it cost')
  await client.call(
    'GET /usage/summary?group_by=model',
    {},
    200,
    (answer: {
      items: { value: string; calls: number; usage: Record<string, number>; charge: Money }[]
    }) =>
      answer.items
        .map(
          ({ value, calls, usage, charge }) =>
            `${value}: ${calls} calls, ${usage['input_uncached']} tokens in, ${usage['output']} out, ${usd(charge)}`,
        )
        .join('; '),
  )
  await client.call(
    'GET /billing/account',
    {},
    200,
    (account: { balance: Money; held: Money; available: Money }) =>
      `balance ${usd(account.balance)}, held ${usd(account.held)}, available ${usd(account.available)}`,
  )
  step('The ledger: credit, hold, charge, what is left')
  await ledger(client)
}

async function proof(server: DemoServer, orgId: string): Promise<void> {
  step('The events that the story wrote')
  const events = (await server.daybook(['--json', 'events']))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; position: string })
    .filter(({ type }) => type !== 'UsageRecorded')
  const counted = new Map<string, number>()
  for (const { type } of events) counted.set(type, (counted.get(type) ?? 0) + 1)
  const all = [...counted].map(([type, count]) => (count > 1 ? `${type} ×${count}` : type))
  printed(wrapped(all.join(', '), 74))
  step('Every promise about money and calls, checked over the whole log')
  typed('invariants')
  printed(await server.daybook(['invariants']))
  const account = `account-${orgId}`
  const kinds = (await server.daybook(['--json', 'events', '--stream', account])).trim().split('\n')
  came('account', `${kinds.length} events in ${account}`)
}

function ending(
  server: DemoServer,
  keep: boolean,
  passwords: { ada: string; administrator: string },
  seconds: number,
): void {
  say()
  say(bold(`Done in ${seconds} s.`))
  if (keep) {
    say(`The server goes on at ${server.url} (reference: ${server.url}/docs).`)
    say(`  ${ADA} / ${passwords.ada}`)
    say(`  ${ADMINISTRATOR} / ${passwords.administrator}`)
    for (const setting of server.settings) say(`  ${setting}`)
    say('  Ctrl-C stops it.')
  }
  say('Three commands to try next:')
  say(`  npm start                               ${dim('# your own server, data in ./data')}`)
  say(`  npm run daybook -- --help               ${dim("# the operator's command line")}`)
  say(`  npm run demo -- --keep                  ${dim('# this story, and the server stays')}`)
}

const quoted = (text: string): string =>
  wrapped(text.replaceAll('\n', ' '), 72).replaceAll(/^/gm, '      ')

const lastLines = (text: string, count: number): string =>
  text.trimEnd().split('\n').slice(-count).join('\n')
