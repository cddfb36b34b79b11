/** Commands about the person and their organization: address, language, organization, credit, use, plan. */
import type { AccessRule } from '../../commands/access.ts'
import { openAccount } from '../../commands/account/open-account.ts'
import { organizationFor } from '../../commands/organization/find-organization.ts'
import { buyPlan } from '../../commands/payment/buy-plan.ts'
import { planInForce } from '../../commands/subscription/plan-in-force.ts'
import { changeChat } from '../../commands/telegram/chat-state.ts'
import { giveAddress } from '../../commands/telegram/give-address.ts'
import { changeLocale } from '../../commands/user/change-locale.ts'
import { balanceOf, heldOf } from '../../domain/account/state.ts'
import { isErased } from '../../domain/personal.ts'
import { plan, termsOf } from '../../domain/plan/plan.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { UpdateOutcome } from '../../domain/telegram-update/events.ts'
import { emailText } from '../../domain/user/email.ts'
import { type User, user } from '../../domain/user/user.ts'
import { name } from '../../messages/format.ts'
import { languages, type Locale, locales } from '../../messages/index.ts'
import { listCatalogue } from '../../projections/catalogue.ts'
import { organizationsOf } from '../../projections/memberships.ts'
import { ownDays } from '../../projections/own-usage.ts'
import { addTotals, noTotals } from '../../projections/usage-totals.ts'
import { amountText } from './ask.ts'
import { actorOf, admitActor, admitted, type Turn, turnFor } from './turn.ts'

export const CHOOSE_LOCALE = 'locale:'
export const CHOOSE_ORGANIZATION = 'org:'
export const CHOOSE_PLAN = 'plan:'
const SHOWN = 20

const rule = (
  resource: string,
  action: string,
  role?: NonNullable<AccessRule['role']>,
): AccessRule => ({
  actor: 'user',
  ...(role === undefined ? {} : { role }),
  resource,
  action,
  limits: ['request'],
})

export async function register(turn: Turn, person: User, address: string): Promise<UpdateOutcome> {
  const { deps, root, texts } = turn
  await admitted(turn, person, { ...rule('me', 'change'), limits: ['request', 'registration'] })
  if (address === '') return turn.say(texts.register.usage)
  const email = emailText.safeParse(address)
  if (!email.success) return turn.say(texts.register.notAnAddress)
  const done = await giveAddress(deps, root, person, email.data)
  return turn.say(done === 'asked' ? texts.register.sent : texts.register.hasAddress)
}

export async function locale(turn: Turn, person: User, wanted: string): Promise<UpdateOutcome> {
  const { deps, root, texts } = turn
  await admitted(turn, person, rule('me', 'change'))
  const found = locales.find((one) => one === wanted.toLowerCase())
  if (!found) {
    const buttons = locales.map((one) => [languageButton(one)])
    return turn.say(wanted === '' ? texts.locale.choose : texts.locale.unknown, { buttons })
  }
  const { userId } = person
  await changeLocale(deps, root, { userId, locale: found })
  const { state } = await deps.streams.load(user, userId)
  const now = turnFor(turn, state ?? person)
  return now.say(now.texts.locale.changed)
}

const languageButton = (one: Locale) => ({
  label: languages[one]?.language ?? one,
  data: `${CHOOSE_LOCALE}${one}`,
})

export async function listOrganizations(turn: Turn, person: User): Promise<UpdateOutcome> {
  const { deps, texts } = turn
  const { userId } = await admitted(turn, person, rule('organization', 'list'))
  const buttons = []
  for (const orgId of (await organizationsOf(deps.views, userId)).slice(0, SHOWN)) {
    const called = await nameOf(turn, orgId, userId)
    if (called !== undefined)
      buttons.push([{ label: called, data: `${CHOOSE_ORGANIZATION}${orgId}` }])
  }
  return turn.say(texts.organization.choose, { buttons })
}

/** undefined: they do not belong to it any more. */
async function nameOf(
  { deps, texts }: Turn,
  orgId: string,
  userId: string,
): Promise<string | undefined> {
  try {
    const { organization } = await organizationFor(deps, orgId, userId)
    const called = isErased(organization.name) ? undefined : name(organization.name)
    return called ?? texts.organization.unnamed
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

export async function chooseOrganization(
  turn: Turn,
  person: User,
  orgId: string,
): Promise<UpdateOutcome> {
  const { deps, root, place, senderKey, texts } = turn
  const { userId } = await admitted(turn, person, rule('organization', 'list'))
  const called = await nameOf(turn, orgId, userId)
  if (called === undefined) return turn.say(texts.organization.unknown)
  await changeChat(deps, root, place, { type: 'SelectOrganization', senderKey, orgId })
  return turn.say(texts.organization.changed(called))
}

export async function balance(turn: Turn, person: User): Promise<UpdateOutcome> {
  const { deps, root, texts } = turn
  const { orgId } = await admitted(turn, person, rule('account', 'read', 'auditor'))
  const { state } = await openAccount(deps, { ...root, orgId }, orgId)
  const inForce = await planInForce(deps, orgId, root.at)
  const held = heldOf(state)
  return turn.say(
    texts.balance({
      balance: amountText(balanceOf(state)),
      held: held > 0n ? amountText(held) : undefined,
      plan: inForce && (name(inForce.terms.name) ?? inForce.terms.slug),
    }),
  )
}

const DAY_MS = 86_400_000

/** The person's own, in this organization, in this month (UTC). */
export async function usage(turn: Turn, person: User): Promise<UpdateOutcome> {
  const { deps, root, texts } = turn
  const { orgId, userId } = await admitted(turn, person, rule('usage', 'summary', 'auditor'))
  await deps.views.passed(deps.streams.lastWritten(), VIEWS_WITHIN_MS)
  const from = `${root.at.slice(0, 7)}-01`
  const to = new Date(Date.parse(root.at) + DAY_MS).toISOString().slice(0, 10)
  const days = await ownDays(deps.views, { orgId, caller: { userId }, from, to })
  const { calls, quantities, chargeNanos, adjustedNanos } = [...days.values()].reduce(
    addTotals,
    noTotals,
  )
  const tokens = Object.values(quantities).reduce((sum, count) => sum + count, 0)
  const charged = amountText(BigInt(chargeNanos) - BigInt(adjustedNanos))
  return turn.say(texts.usage({ calls, tokens, charged }))
}
const VIEWS_WITHIN_MS = 1_000

export async function listPlans(turn: Turn, person: User): Promise<UpdateOutcome> {
  const { deps, texts } = turn
  await admitted(turn, person, rule('subscription', 'subscribe', 'admin'))
  const { items } = await listCatalogue(deps.views, 'plan', { limit: SHOWN })
  const buttons = []
  for (const { id } of items) {
    const { state } = await deps.streams.load(plan, id)
    const terms = termsOf(state)?.terms
    if (!state?.retired && terms?.selfSubscribe && terms.payment)
      buttons.push([{ label: name(terms.name) ?? terms.slug, data: `${CHOOSE_PLAN}${id}` }])
  }
  return buttons.length === 0
    ? turn.say(texts.subscribe.none)
    : turn.say(texts.subscribe.choose, { buttons })
}

export async function choosePlan(turn: Turn, person: User, planId: string): Promise<UpdateOutcome> {
  const { deps, root, texts } = turn
  const { orgId } = await admitted(turn, person, rule('subscription', 'subscribe', 'admin'))
  const bought = await buyPlan(deps, { ...root, orgId }, { orgId, planId })
  if (bought.kind !== 'checkout') return balance(turn, person)
  const { url } = bought.checkout.opened
  return turn.say(texts.subscribe.open, { buttons: [[{ label: texts.subscribe.button, url }]] })
}

/** What needs nobody: the list of commands. */
export async function help(turn: Turn): Promise<UpdateOutcome> {
  const { texts, deps, person } = turn
  if (person) await admitActor(turn, actorOf(person), rule('me', 'read'))
  const offered = Object.entries(texts.menu).filter(
    ([command]) => command !== 'subscribe' || deps.settings.telegramBot?.subscribe,
  )
  const lines = offered.map(([command, what]) => `/${command} – ${what}`)
  return turn.say([texts.helpBefore, ...lines, '', texts.helpAfter].join('\n'))
}
