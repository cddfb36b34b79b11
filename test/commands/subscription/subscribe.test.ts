// Whose wish decides what: a paid plan is not taken by a word where a provider bills, and everything a
// person gets is made once, whoever makes it and wherever it broke off.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import { balanceOf } from '../../../src/domain/account/state.ts'
import { subscribe } from '../../../src/commands/subscription/subscribe.ts'
import type { Deps } from '../../../src/commands/deps.ts'
import { claimForRegistration } from '../../../src/commands/user/claim-email.ts'
import { claimRoot, finishClaim } from '../../../src/commands/user/finish-claim.ts'
import { provisionPersonal } from '../../../src/commands/user/provision-personal.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openShop, type Shop } from '../../support/commerce.ts'
import { typesOf } from '../../support/people.ts'
import { operatorRoot, signIn } from '../../support/seed.ts'

let app: TestApp
let shop: Shop
beforeAll(async () => {
  app = await startTestApp()
  shop = await openShop(app)
  await shop.publishPlan()
})
afterAll(() => app.stop())

test('billing_by_provider where one bills, but for free plans and the administrator', async () => {
  const { deps } = app.app
  const byProvider: Deps = { ...deps, settings: { ...deps.settings, billing: 'paddle' } }
  const planId = await shop.publishPlan({ slug: 'pro', name: 'Pro', free: false })
  const { orgId } = await signIn(app)
  const take = (wish: { planId: string; byAdministrator?: boolean }) =>
    subscribe(byProvider, operatorRoot(deps), { orgId, ...wish })
  await expect(take({ planId })).rejects.toMatchObject({ code: 'billing_by_provider' })
  await take({ planId, byAdministrator: true })
  const free = await shop.publishPlan()
  await take({ planId: free })
  const types = await typesOf(app, `subscription-${orgId}`)
  expect(types.filter((type) => type === 'SubscriptionStarted')).toHaveLength(3)
})

describe('what a person finds', () => {
  const everything = {
    organization: ['OrganizationCreated'],
    account: ['BillingAccountOpened', 'CreditGranted', 'CreditGranted'],
    subscription: ['SubscriptionStarted', 'PeriodStarted'],
  }
  const found = async (orgId: string) =>
    Object.fromEntries(
      await Promise.all(
        Object.keys(everything).map(async (noun) => [noun, await typesOf(app, `${noun}-${orgId}`)]),
      ),
    )

  test('is made once by 20 who make it at the same time', async () => {
    const { deps } = app.app
    const email = 'twenty@example.test'
    const person = { email, passwordHash: 'never verified by a test', locale: 'en', verified: true }
    const { emailHmac } = await claimForRegistration(deps, operatorRoot(deps), person)
    const all = await Promise.all(Array.from({ length: 20 }, () => finishClaim(deps, emailHmac)))
    const orgId = String(all[0]?.user?.personalOrgId)
    expect(await found(orgId)).toEqual(everything)
    const { state } = await deps.streams.load(account, orgId)
    expect(balanceOf(state)).toBe(3_500_000_000n)
  })

  test('is finished wherever it broke off, with the same ids', async () => {
    const { deps } = app.app
    for (let allowed = 0; allowed <= 6; allowed++) {
      const email = `broken-${allowed}@example.test`
      const asked = {
        email,
        passwordHash: 'never verified by a test',
        locale: 'en',
        verified: true,
      }
      const { emailHmac } = await claimForRegistration(deps, operatorRoot(deps), asked)
      await finishClaim(breaksAfter(deps, allowed), emailHmac).catch(() => undefined)
      const { user: person } = await finishClaim(deps, emailHmac)
      if (!person) throw new Error('nobody was registered')
      expect(await found(person.personalOrgId)).toEqual(everything)
      const again = await provisionPersonal(deps, claimRoot(deps, person.claimId), person)
      expect(again).toBeUndefined()
    }
  })
})

/** The process dies before its next append after so many. */
function breaksAfter(deps: Deps, appends: number): Deps {
  let left = appends
  const transact: Deps['streams']['transact'] = (...wish) => {
    if (left-- <= 0) return Promise.reject(new Error('killed'))
    return deps.streams.transact(...wish)
  }
  return { ...deps, streams: { ...deps.streams, transact } }
}
