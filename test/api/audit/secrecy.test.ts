// No secret is in any answer of the history; a person's values are for who manages, never for an auditor.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { catalogue } from '../../../src/domain/catalogue.ts'
import { isShownTo, isWrapped } from '../../../src/domain/personal.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { invoke } from '../../support/funded.ts'
import { newPerson, PASSWORD } from '../../support/people.ts'
import { allPages, END_USER, GUEST, type History, makeHistory, newKey, PROMPT } from './history.ts'

let app: TestApp
let history: History
let key: string
let password: string
beforeAll(async () => {
  app = await startTestApp()
  history = await makeHistory(app)
  key = await newKey(app, history.owner, ['audit:read', 'invoke'])
  password = PASSWORD
  await newPerson(app)
  app.upstream.next({ status: 401 })
  await invoke(app, history.owner, { input: 'refused' })
  await app.settled()
}, 30_000)
afterAll(() => app.stop())

async function readBy(name: string) {
  const { owner, admin, auditor, administrator } = history
  const org = owner.orgId
  const who = {
    owner: { token: owner.token, org },
    admin: { token: admin.token, org },
    auditor: { token: auditor.token, org },
    key: { token: key },
    administrator: { token: administrator.token },
  }[name]
  const events = await allPages(app, 'GET /audit/events?limit=100', who ?? {})
  return {
    text: JSON.stringify(events),
    of: (type: string) =>
      events.filter((one) => one.type === type && one.organization_id === org)[0]?.data,
    all: events,
  }
}

describe('secrets', () => {
  test.each(['owner', 'admin', 'auditor', 'key', 'administrator'])('none for: %s', async (name) => {
    const { text, all } = await readBy(name)
    expect(all.length).toBeGreaterThan(20)
    expect(text).not.toContain(key)
    expect(text).not.toContain(password)
    expect(text).not.toContain('$argon2')
    const log = await app.app.engine.events.readAll({ after: -1n, limit: 100_000 })
    const hidden = log.flatMap(({ data }) =>
      ['tokenHash', 'secretDigest', 'passwordHash'].flatMap((field) => {
        const value = data[field]
        if (value === undefined) return []
        return [typeof value === 'string' ? value : (value as { sealed: string }).sealed]
      }),
    )
    expect(hidden.length).toBeGreaterThan(3)
    for (const value of hidden) expect(text).not.toContain(value)
    // No ciphertext either: what is sealed is only said to be.
    expect(text).not.toMatch(/"(context|sealed)":"/)
  })
})

describe('values by role', () => {
  test.each([
    ['owner', true, true],
    ['admin', true, true],
    ['auditor', false, false],
    ['key', false, false],
    ['administrator', true, false],
  ])('%s: personal %s, content %s', async (name, personal, content) => {
    const { of, text } = await readBy(name)
    expect(of('MemberInvited')?.['email']).toEqual(personal ? GUEST : { sealed: true })
    expect(of('AgentVersionPublished')?.['system_prompt']).toEqual(
      content ? PROMPT : { sealed: true },
    )
    expect(text.includes(END_USER)).toBe(content)
    expect(text.includes(GUEST)).toBe(personal)
    expect(text.includes(PROMPT)).toBe(content)
  })

  test('what a call costs the seller, and why a provider refused, are not for a customer', async () => {
    const [owner, administrator] = [await readBy('owner'), await readBy('administrator')]
    const settled = owner.of('HoldSettled')
    expect(settled).toMatchObject({
      cost: { sealed: true },
      charge: { currency: 'USD', amount: expect.stringMatching(/^\d+\.\d{9}$/) },
    })
    expect(administrator.of('HoldSettled')?.['cost']).toMatchObject({ currency: 'USD' })
    expect(owner.of('InvocationAccepted')?.['chain']).toEqual([
      {
        model: 'test-model',
        price: expect.objectContaining({ output: { amount: '2.000000000', currency: 'USD' } }),
        cost: { sealed: true },
      },
    ])
    expect(owner.of('InvocationFailed')?.['reason']).toEqual({ sealed: true })
    expect(administrator.of('InvocationFailed')?.['reason']).toBe('refused_key')
  })

  test('what was erased is erased for everybody', async () => {
    const { deps } = app.app
    const invited = (await readBy('owner')).all.find((one) => one.type === 'MemberInvited')
    await deps.sealer.destroy(`user/${String(invited?.data['invitation_id'])}`)
    deps.streams.forget()
    for (const name of ['owner', 'auditor', 'administrator'])
      expect((await readBy(name)).of('MemberInvited')?.['email']).toEqual({ erased: true })
  })
})

describe('in every event that there is', () => {
  const fields = Object.entries(catalogue).flatMap(([type, { schema }]) => within(type, schema))

  test('digests of secrets are nobody’s to see', () => {
    const digests = fields.filter(([path]) => /\.(tokenHash|secretDigest|passwordHash)$/.test(path))
    expect(digests.length).toBeGreaterThan(5)
    for (const [path, one] of digests)
      expect({ path, shown: isShownTo('administrator', one) }).toEqual({ path, shown: false })
  })

  test('what a call costs the seller is no customer’s to see', () => {
    const costs = fields.filter(([path]) => /\.cost[^.]*$/.test(path))
    expect(costs.length).toBeGreaterThan(5)
    for (const [path, one] of costs)
      for (const reader of ['owner', 'admin', 'auditor', 'key'] as const)
        expect({ path, reader, shown: isShownTo(reader, one) }).toEqual({
          path,
          reader,
          shown: false,
        })
  })
})

/** Every field at any depth, with its path. */
function within(path: string, schema: z.ZodType): [path: string, schema: z.ZodType][] {
  if (isWrapped(schema)) return within(path, schema.unwrap() as z.ZodType)
  if (schema instanceof z.ZodArray) return within(path, schema.element as z.ZodType)
  if (schema instanceof z.ZodUnion)
    return schema.options.flatMap((option) => within(path, option as z.ZodType))
  if (!(schema instanceof z.ZodObject)) return []
  return Object.entries(schema.shape).flatMap(([field, one]) => [
    [`${path}.${field}`, one as z.ZodType] as [string, z.ZodType],
    ...within(`${path}.${field}`, one as z.ZodType),
  ])
}
