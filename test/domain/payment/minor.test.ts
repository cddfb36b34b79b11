// What people pay is shown in whole units of its currency, to the last minor unit, whatever they are.
import { expect, test } from 'vitest'
import { decimalOfMinor } from '../../../src/domain/payment/minor.ts'

test.each([
  ['0', 'USD', '0.00'],
  ['5', 'USD', '0.05'],
  ['9799', 'EUR', '97.99'],
  ['500', 'JPY', '500'],
  ['1234', 'KWD', '1.234'],
  ['350000', 'HUF', '3500.00'],
  ['1234500', 'COP', '12345.00'],
  ['999999999999999999', 'USD', '9999999999999999.99'],
])('%s of %s is %s', (minor, currency, shown) => {
  expect(decimalOfMinor(minor, currency)).toBe(shown)
})
