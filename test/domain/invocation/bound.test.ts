// A hold is enough for whatever a provider reports within the counted prompt and the allowed output.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BoundedModel, holdBound, promptBound } from '../../../src/domain/invocation/bound.ts'
import { priceOf } from '../../../src/domain/money.ts'

const price = (input: string, cached: string, output: string, reasoning: string) => ({
  input_uncached: input,
  input_cached: cached,
  output,
  reasoning,
})
const model: BoundedModel = {
  promptTokens: 100,
  messages: 2,
  framing: { perMessage: 4, perRequest: 3 },
  maxOutputTokens: 50,
  price: price('3000000', '1000000', '15000000', '15000000'),
}

describe('the bound', () => {
  test('is the counted prompt with its framing and the whole output', () => {
    expect(promptBound(model)).toBe(111)
    expect(holdBound([model])).toBe(111n * 3n + 50n * 15n)
  })
  test('takes the dearer class, whichever it is', () => {
    const odd = { ...model, price: price('1000000', '3000000', '5000000', '15000000') }
    expect(holdBound([odd])).toBe(holdBound([model]))
  })
  test('takes the dearest model of the chain', () => {
    const dear = { ...model, maxOutputTokens: 51 }
    expect(holdBound([model, dear])).toBe(holdBound([dear]))
    expect(holdBound([dear, model])).toBe(holdBound([dear]))
  })
  test('rounds up', () => {
    expect(holdBound([{ ...model, price: price('1', '1', '0', '0') }])).toBe(1n)
    expect(holdBound([{ ...model, price: price('0', '0', '0', '0') }])).toBe(0n)
  })
})

describe('for any chain', () => {
  const nanos = fc.bigInt({ min: 0n, max: 10n ** 12n }).map(String)
  const anyModel: fc.Arbitrary<BoundedModel> = fc.record({
    promptTokens: fc.nat(2_000_000),
    messages: fc.integer({ min: 1, max: 100 }),
    framing: fc.record({ perMessage: fc.nat(20), perRequest: fc.nat(20) }),
    maxOutputTokens: fc.nat(1_000_000),
    price: fc.record({
      input_uncached: nanos,
      input_cached: nanos,
      output: nanos,
      reasoning: nanos,
    }),
  })
  const chain = fc.array(anyModel, { minLength: 1, maxLength: 3 })
  const share = fc.double({ min: 0, max: 1, noNaN: true })

  test('no usage within it is dearer', () => {
    fc.assert(
      fc.property(chain, fc.nat(2), share, share, share, share, (models, n, i, c, o, r) => {
        const called = models[n % models.length] ?? model
        const input = Math.floor(promptBound(called) * i)
        const output = Math.floor(called.maxOutputTokens * o)
        const cached = Math.floor(input * c)
        const reasoning = Math.floor(output * r)
        const used = {
          input_uncached: input - cached,
          input_cached: cached,
          output: output - reasoning,
          reasoning,
        }
        expect(priceOf(used, called.price) <= holdBound(models)).toBe(true)
      }),
    )
  })
  test('some usage within it comes within a nano of it: nothing is held for nothing', () => {
    fc.assert(
      fc.property(chain, (models) => {
        const dearest = models.map((one) => {
          const input = promptBound(one)
          const cachedIsDearer = BigInt(one.price.input_cached) > BigInt(one.price.input_uncached)
          const reasoningIsDearer = BigInt(one.price.reasoning) > BigInt(one.price.output)
          return priceOf(
            {
              input_uncached: cachedIsDearer ? 0 : input,
              input_cached: cachedIsDearer ? input : 0,
              output: reasoningIsDearer ? 0 : one.maxOutputTokens,
              reasoning: reasoningIsDearer ? one.maxOutputTokens : 0,
            },
            one.price,
          )
        })
        const most = dearest.reduce((a, b) => (a > b ? a : b))
        expect(holdBound(models) - most <= 1n).toBe(true)
      }),
    )
  })
})
