// Guarantee: a token count is never below the true number, is exact for ordinary text, and no text
// blocks the process, so a hold placed from it is safe and cannot be used to stall the service.
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base'
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTokenCounter } from '../../src/adapters/token-counter.ts'
import type { Encoding } from '../../src/ports/token-counter.ts'

const counter = createTokenCounter()
const asText = { disallowedSpecial: new Set<string>() }
const references = { o200k_base: o200k, cl100k_base: cl100k }
const known = ['o200k_base', 'cl100k_base'] as const
const KIB = 1024

beforeAll(async () => {
  for (const encoding of known) await counter.load(encoding)
})

describe('exact for ordinary text', () => {
  it('gives the published counts of known sentences', () => {
    expect(counter.count('cl100k_base', 'tiktoken is great!')).toBe(6)
    expect(counter.count('o200k_base', 'hello world')).toBe(2)
    expect(counter.count('o200k_base', '')).toBe(0)
  })

  it.each(known)('counts prose, code and Russian as %s does', (encoding) => {
    const code = readFileSync(new URL('../../src/ports/event-store.ts', import.meta.url), 'utf8')
    const russian = 'Ежедневная книга первичных записей: каждая операция видна и проверяема. '
    for (const text of [code, russian.repeat(20), 'The quick brown fox. '.repeat(500)])
      expect(counter.count(encoding, text)).toBe(references[encoding](text, asText))
  })

  it.each(known)('counts any short text as %s does', (encoding) => {
    const texts = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.string())
    fc.assert(
      fc.property(texts, (text) => {
        expect(counter.count(encoding, text)).toBe(references[encoding](text, asText))
      }),
      { numRuns: 300 },
    )
  })

  it('takes the text of a special token as text', () => {
    for (const encoding of known) {
      expect(counter.count(encoding, 'a <|endoftext|> b<|im_start|>')).toBeGreaterThan(8)
      expect(counter.count(encoding, '<|endoftext|>')).toBeGreaterThan(1)
    }
  })
})

describe('an upper bound for the rest', () => {
  it('counts bytes where the encoding is not known', () => {
    expect(counter.count('bytes', 'aé漢😀')).toBe(1 + 2 + 3 + 4)
  })

  it.each(known)('is between the true count of %s and the bytes', (encoding) => {
    const runs = fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 4 }), fc.nat(300)))
    fc.assert(
      fc.property(runs, (parts) => {
        const text = parts.map(([unit, times]) => unit.repeat(times)).join('')
        const count = counter.count(encoding, text)
        expect(count).toBeGreaterThanOrEqual(references[encoding](text, asText))
        expect(count).toBeLessThanOrEqual(Buffer.byteLength(text))
      }),
      { numRuns: 60 },
    )
  })

  it('rises by the bytes after the part that is looked at', () => {
    const part = 'The quick brown fox. '
    const long = part.repeat(Math.ceil((160 * KIB) / part.length))
    const count = counter.count('o200k_base', long)
    expect(count).toBeGreaterThan(counter.count('o200k_base', long.slice(0, 120 * KIB)))
    expect(count).toBeLessThan(Buffer.byteLength(long) / 2)
  })

  it('refuses an encoding that was not loaded', () => {
    expect(() => createTokenCounter().count('o200k_base', 'a')).toThrow(/not loaded/u)
  })
})

describe('never blocks', () => {
  const letters = (from: number, size: number) => (index: number) =>
    String.fromCodePoint(from + ((index * 7919) % size))
  const words = (from: number, size: number, length: number) => {
    const letter = letters(from, size)
    return Array.from({ length: 512 * KIB }, (_, i) => (i % length ? letter(i) : ' ')).join('')
  }
  const hostile: [string, string][] = [
    ['one letter', 'a'.repeat(512 * KIB)],
    ['spaces', ' '.repeat(512 * KIB)],
    ['lone surrogates', '\ud800'.repeat(512 * KIB)],
    ['combining marks', 'e\u0301'.repeat(256 * KIB)],
    ['invented words', words(97, 26, 9)],
    ['words as long as are merged', words(97, 26, 256)],
    ['Chinese without end', words(0x4e00, 20_000, 512 * KIB)],
    ['Cyrillic noise', words(0x430, 32, 9)],
  ]
  it.each(hostile)('512 KiB of %s', (_, text) => {
    for (const encoding of [...known, 'bytes'] satisfies Encoding[]) {
      counter.count(encoding, text)
      let best = Infinity
      for (let round = 0; round < 3; round += 1) {
        // Time of this thread, not of the clock: a busy machine makes nothing block longer.
        const before = process.threadCpuUsage()
        counter.count(encoding, text)
        const { user, system } = process.threadCpuUsage(before)
        best = Math.min(best, (user + system) / 1_000)
      }
      expect(best).toBeLessThan(50)
    }
  })
})
