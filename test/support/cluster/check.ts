/**
 * After a fault: what the clients were told against what is in the log, the invariants of the design,
 * views against a replay, and the same wish again at every process for the same answer.
 */
import { expect } from 'vitest'
import { findUserByEmail } from '../../../src/commands/user/find-user.ts'
import type { App } from '../../../src/app.ts'
import { expectInvariants } from '../crash-data.ts'
import { deltasOf, tryOnce } from './asking.ts'
import type { Ledger } from './ledger.ts'
import { callAnswer, type Load, PROMPT, REFRESH_AGAIN_MS, type Wish } from './load.ts'
import type { RoleProcess } from './process.ts'
import { PASSWORD, SYSTEM_PROMPT } from './seed.ts'

/** What the provider says to every call of a load. */
export const ANSWER = 'Red green blue and white.'
/** Of the newest wishes so many are asked again. */
const ASKED_AGAIN = 8

/** Every invariant of the log, accounts and views. `ended`: no call may be open any more. */
export const checkInvariantsOf = (app: App, ended: boolean): Promise<void> =>
  expectInvariants(app, { quiet: ended, mustNotAppear: [PROMPT, SYSTEM_PROMPT, PASSWORD] })

/** Everything acknowledged is in the log, once, as it was told. */
export async function checkAnswers(app: App, load: Load, ledger: Ledger): Promise<void> {
  const wrong: string[] = []
  for (const wish of load.wishes) {
    const said = wish.got && (await contradiction(app, wish, ledger))
    const tried = wish.tries.map(({ to, status, ms }) => `${to} ${status} ${Math.round(ms)} ms`)
    if (said !== undefined)
      wrong.push(`${wish.n} ${wish.kind}: ${said} (${tried.join(', ')}) ${wish.got?.text}`)
  }
  expect(wrong).toEqual([])
}

/** undefined: what was told is so. */
async function contradiction(app: App, wish: Wish, ledger: Ledger): Promise<string | undefined> {
  const { got, kind, asked, tries } = wish
  const isRead = asked.line.startsWith('GET')
  // A read that could not be answered told nobody anything.
  if (!got || (isRead && (got.status === 503 || got.status === undefined))) return undefined
  const { status = 0, position, text } = got
  if (status < 300 && !isRead && position !== undefined && !ledger.positions.has(position))
    return `position ${position} is not in the log`
  switch (kind) {
    case 'invoke':
    case 'stream':
      return ofCall(wish, status, ledger)
    case 'async': {
      if (status !== 202) return `refused: ${status}`
      const { invocation_id: id } = JSON.parse(text) as { invocation_id: string }
      return ledger.calls.get(id)?.accepted === 1 ? undefined : `${id} was not accepted once`
    }
    case 'grant': {
      if (status !== 201) return `refused: ${status}`
      const { lot_id: lot } = JSON.parse(text) as { lot_id: string }
      return ledger.lots.get(lot) === 1
        ? undefined
        : `${lot} was granted ${ledger.lots.get(lot)} times`
    }
    case 'login':
    case 'refresh': {
      const first = tries[0]?.begunAt ?? 0
      const late = got.begunAt + got.ms - first > REFRESH_AGAIN_MS
      if (status === 401 && late && kind === 'refresh') return undefined
      return status === 200 ? ofSession(text, ledger) : `refused: ${status}`
    }
    case 'register': {
      if (status !== 202) return `refused: ${status}`
      const { email } = asked.body as { email: string }
      return (await findUserByEmail(app.deps, email)) ? undefined : 'nobody was registered'
    }
    case 'cancel':
      return [200, 202, 409].includes(status) ? undefined : `refused: ${status}`
    case 'account': {
      if (status !== 200) return `refused: ${status}`
      const { balance } = JSON.parse(text) as { balance: { amount: string } }
      const revision = Number(got.etag?.replaceAll('"', ''))
      const known = ledger.balance(wish.tenant?.orgId ?? '', revision)
      return known === nanos(balance.amount) ? undefined : `the balance at ${revision} was ${known}`
    }
    case 'calls':
    case 'me':
      return status === 200 ? undefined : `refused: ${status}`
  }
}

function ofCall(wish: Wish, status: number, ledger: Ledger): string | undefined {
  const answer = callAnswer(wish)
  if (!answer) {
    if (status !== 502) return `refused: ${status}`
    const { invocation_id: id } = (JSON.parse(problemOf(wish)) as { facts: Facts }).facts
    const { ends, chargeNanos } = ledger.calls.get(id) ?? { ends: [] }
    const free = ends.join() === 'InvocationFailed' && chargeNanos === undefined
    return free ? undefined : `${id} ended ${ends.join()} and was charged ${chargeNanos}`
  }
  const { invocation_id: id, output, cost, balance_after: balance } = answer
  const call = ledger.calls.get(id)
  if (output !== ANSWER) return `${id} said ${output}`
  if (wish.kind === 'stream' && deltasOf(wish.got?.text ?? '') !== ANSWER)
    return `${id} was heard otherwise`
  if (call?.accepted !== 1 || call.ends.join() !== 'InvocationCompleted')
    return `${id} was accepted ${call?.accepted} times and ended ${call?.ends.join()}`
  if (call.chargeNanos !== nanos(cost.amount)) return `${id} was charged ${call.chargeNanos}`
  // Where the view was behind, the balance is that of the moment of the answer.
  return ledger.hadAfter(call, nanos(balance.amount))
    ? undefined
    : `${id} did not leave ${balance.amount} on the account`
}

interface Facts {
  readonly invocation_id: string
}
const problemOf = ({ got, kind }: Wish): string =>
  (kind === 'stream' ? /^event: error\ndata: (.*)$/m.exec(got?.text ?? '')?.[1] : undefined) ??
  got?.text ??
  ''

function ofSession(text: string, ledger: Ledger): string | undefined {
  const { refresh_token: token } = JSON.parse(text) as { refresh_token: string }
  const [, payload = ''] = token.split('.')
  const { sid, gen } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    sid: string
    gen: number
  }
  return ledger.tokens.has(`${sid} ${gen}`) ? undefined : `${sid} ${gen} was never issued`
}

/** `12.5` as nano-units. */
function nanos(amount: string): bigint {
  const [whole = '0', part = ''] = amount.split('.')
  return BigInt(whole) * 1_000_000_000n + BigInt(part.padEnd(9, '0'))
}

/** A key that comes back gets its answer again, from whichever process it is asked. */
export async function checkRepeats(
  load: Load,
  ledger: Ledger,
  apis: readonly RoleProcess[],
): Promise<void> {
  const answered = load.wishes.filter((wish) => callAnswer(wish)).slice(-ASKED_AGAIN)
  for (const wish of answered)
    for (const api of apis) {
      const again = await tryOnce(api, wish.asked)
      const { status, text } = again
      expect({ status, text }).toMatchObject({ status: 200 })
      const told = { balance_after: expect.anything() as unknown }
      const repeated = { ...wish, got: again }
      expect(callAnswer(repeated)).toEqual({ ...callAnswer(wish), ...told })
      expect(ofCall(repeated, 200, ledger)).toBeUndefined()
    }
}

/** Nobody asked a provider twice for one wish. */
export function checkProvider(requests: readonly { readonly body: unknown }[]): void {
  const times = new Map<string, number>()
  for (const { body } of requests) {
    const wish = new RegExp(`${PROMPT} \\d+`).exec(JSON.stringify(body))?.[0]
    if (wish !== undefined) times.set(wish, (times.get(wish) ?? 0) + 1)
  }
  expect([...times].filter(([, count]) => count > 1)).toEqual([])
}
