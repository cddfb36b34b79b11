// Guarantee: every key that is issued is found by one expression and told by its checksum from what only looks like one.
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base32FromHex } from '../../../src/domain/ids.ts'
import {
  API_KEY_PATTERN,
  displayOf,
  looksLikeKey,
  parseToken,
  secretFrom,
  tokenOf,
} from '../../../src/domain/api-key/token.ts'

const random = fc.uint8Array({ minLength: 32, maxLength: 32 })
const anId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => `key_${base32FromHex(Buffer.from(bytes).toString('hex'))}`)
const aKey = fc.record({
  keyId: anId,
  secret: random.map((bytes) => secretFrom(Buffer.from(bytes).toString('base64url'))),
})
const CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-'

describe('a token', () => {
  it('says its key and its secret again', () => {
    fc.assert(
      fc.property(aKey, (key) => {
        const token = tokenOf(key)
        expect(parseToken(token)).toEqual(key)
        expect(looksLikeKey(token)).toBe(true)
      }),
    )
  })

  it('is found in any text by the expression for scanners', () => {
    fc.assert(
      fc.property(aKey, fc.string(), (key, text) => {
        const token = tokenOf(key)
        const found = API_KEY_PATTERN.exec(`${text} key="${token}"\n${text}`)?.[0]
        expect(found).toBe(token)
      }),
    )
  })

  it('is none any more when a character of it is another', () => {
    fc.assert(
      fc.property(aKey, fc.nat(), fc.nat({ max: 63 }), (key, place, other) => {
        const token = tokenOf(key)
        const at = place % token.length
        const character = CHARACTERS.charAt(other)
        fc.pre(character !== token.charAt(at))
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        expect(parseToken(changed)).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
  })

  it('is none when two neighbours change places, or it is cut', () => {
    fc.assert(
      fc.property(aKey, fc.nat(), (key, place) => {
        const token = tokenOf(key)
        const at = place % (token.length - 1)
        const [a, b] = [token.charAt(at), token.charAt(at + 1)]
        expect(parseToken(token.slice(0, at + 1))).toBeUndefined()
        fc.pre(a !== b)
        expect(parseToken(token.slice(0, at) + b + a + token.slice(at + 2))).toBeUndefined()
      }),
    )
  })

  it('ends with the usual CRC-32', () => {
    fc.assert(
      fc.property(aKey, (key) => {
        const token = tokenOf(key)
        const [text, sum] = [token.slice(0, -7), token.slice(-6)]
        const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
        const value = Array.from(sum).reduce((all, one) => all * 62 + digits.indexOf(one), 0)
        expect(value).toBe(crc32(text))
      }),
    )
  })

  it.each(['', 'daybook_', 'daybook_x_y_z', 'Bearer x', `daybook_${'0'.repeat(26)}__`])(
    'is not %s',
    (text) => {
      expect(parseToken(text)).toBeUndefined()
    },
  )
})

describe('a secret', () => {
  it('keeps all 256 bits', () => {
    fc.assert(
      fc.property(random, random, (a, b) => {
        const [one, other] = [a, b].map((bytes) =>
          secretFrom(Buffer.from(bytes).toString('base64url')),
        )
        expect(one).toMatch(/^[0-9A-Za-z]{43}$/)
        expect(one === other).toBe(Buffer.from(a).equals(Buffer.from(b)))
      }),
    )
    expect(secretFrom(Buffer.alloc(32, 0xff).toString('base64url'))).toHaveLength(43)
    const last = Buffer.alloc(32)
    last[31] = 1
    expect(secretFrom(last.toString('base64url'))).toBe(`${'0'.repeat(42)}1`)
  })
  it('is not in what is shown of a key', () => {
    fc.assert(
      fc.property(aKey, (key) => {
        const token = tokenOf(key)
        const [shown = ''] = displayOf(key.keyId).split('…')
        expect(token.startsWith(shown)).toBe(true)
        expect(shown).toHaveLength('daybook_'.length + 27)
      }),
    )
  })
})
