// A code stands for one person, for one purpose, for a short time; nobody makes one or changes one without our key.
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { createIds } from '../../../../src/adapters/ids.ts'
import {
  CODE_LENGTH,
  CODE_LIFE_MS,
  codeRoot,
  makeCode,
  readCode,
} from '../../../../src/commands/user/telegram/code.ts'
import type { Root } from '../../../../src/commands/context.ts'
import { idFromUuid } from '../../../../src/domain/ids.ts'
import { hmacOnly } from '../../../support/hmac-only.ts'

const ids = createIds()
const at = '2026-11-01T12:00:00.400Z'
const later = (ms: number) => new Date(Date.parse(at) + ms).toISOString()
const root = (): Root => {
  const id = ids.random()
  return { id, actor: { kind: 'operator' }, at, correlationId: id, causationId: id }
}
const userId = idFromUuid('user', ids.random())
const deps = { ids, sealer: hmacOnly() }
const unusable = expect.objectContaining({ code: 'token_unusable' })

let code: string
beforeAll(() => {
  code = makeCode(deps, 'link', userId, root())
})

test('it names the person, within its time', () => {
  expect(readCode(deps, 'link', code, at)).toEqual({
    userId,
    expiresAt: '2026-11-01T12:10:00.000Z',
  })
  expect(readCode(deps, 'link', code, later(CODE_LIFE_MS.link - 401)).userId).toBe(userId)
  expect(() => readCode(deps, 'link', code, later(CODE_LIFE_MS.link))).toThrow(unusable)
  expect(CODE_LIFE_MS).toEqual({ signIn: 60_000, link: 600_000 })
})
test('it fits into the link of a bot', () => {
  expect(code).toHaveLength(CODE_LENGTH)
  expect(`link_${code}`).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
})
test('of one kind it is no good for the other', () => {
  expect(() => readCode(deps, 'signIn', code, at)).toThrow(unusable)
})
test('of another installation it is no good', () => {
  expect(() => readCode({ ids, sealer: hmacOnly('other') }, 'link', code, at)).toThrow(unusable)
})
test('two are different, and the same wish gets the same', () => {
  const one = root()
  expect(makeCode(deps, 'link', userId, one)).toBe(makeCode(deps, 'link', userId, one))
  expect(makeCode(deps, 'link', userId, root())).not.toBe(makeCode(deps, 'link', userId, root()))
})
test('what it does has an identity of its own, whoever asks', () => {
  expect(codeRoot(deps, code, root()).id).toBe(codeRoot(deps, code, root()).id)
  expect(codeRoot(deps, `${code} `, root()).id).not.toBe(codeRoot(deps, code, root()).id)
})

describe('anything else', () => {
  test.each(['', 'x', 'link', ' ', '\0', '%00', '../..', 'x'.repeat(59), 'x'.repeat(10_000)])(
    '%j',
    (text) => expect(() => readCode(deps, 'link', text, at)).toThrow(unusable),
  )
  test('a character changed, more or less', () => {
    fc.assert(
      fc.property(
        fc.nat(CODE_LENGTH - 1),
        fc.constantFrom('0', 'a', 'Z', '_', '-', '.', 'é', ''),
        (where, put) => {
          const changed = `${code.slice(0, where)}${put}${code.slice(where + 1)}`
          fc.pre(changed !== code)
          expect(() => readCode(deps, 'link', changed, at)).toThrow(unusable)
        },
      ),
    )
  })
})
