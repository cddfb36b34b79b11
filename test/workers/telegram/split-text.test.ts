// No message is longer than Telegram takes, none ends within a character, and messages that are full do not change while a text grows.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_MESSAGE, plainText, splitText } from '../../../src/workers/telegram/split-text.ts'

const pieces = fc.constantFrom('word ', '\n', '😀', '👩‍👩‍👧‍👦', '‮', '*_`[', 'ж', ' ', '/stop ', '<b>')
const texts = fc.array(pieces, { maxLength: 400 }).map((all) => all.join(''))
const squeezed = (text: string) => text.replaceAll(/\s+/g, '')

describe('splitting', () => {
  test('keeps every character, in messages that fit', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 40, max: 200 }), (text, limit) => {
        const parts = splitText(text, limit)
        expect(squeezed(parts.join(''))).toBe(squeezed(text))
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(limit)
          expect(part.isWellFormed()).toBe(true)
          expect(part.trim()).not.toBe('')
        }
      }),
    )
  })

  test('leaves full messages as they are while the text grows', () => {
    fc.assert(
      fc.property(texts, texts, fc.integer({ min: 40, max: 200 }), (text, more, limit) => {
        const before = splitText(text, limit).slice(0, -1)
        const after = splitText(text + more, limit)
        expect(after.slice(0, before.length)).toEqual(before)
      }),
    )
  })

  test('cuts at a line, else at a word, else anywhere but within a character', () => {
    expect(splitText('one two\nthree four', 12)).toEqual(['one two', 'three four'])
    expect(splitText('one two three', 9)).toEqual(['one two', 'three'])
    expect(splitText(`${'a'.repeat(9)}😀b`, 10)).toEqual(['a'.repeat(9), '😀b'])
    const long = splitText('😀'.repeat(MAX_MESSAGE))
    expect(long.map((part) => part.length)).toEqual([MAX_MESSAGE, MAX_MESSAGE])
  })

  test('takes away only what no message can hold', () => {
    expect(plainText('a\0b\ud800c‮d')).toBe('ab�c‮d')
  })
})
