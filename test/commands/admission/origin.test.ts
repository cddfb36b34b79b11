// One network place counts once, however many addresses it has; the address itself is stored nowhere.
import { expect, test } from 'vitest'
import { network, originOf } from '../../../src/commands/admission/origin.ts'

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s is of %s', (ip, expected) => {
  expect(network(ip)).toBe(expected)
})

test('the counter has a digest of it', () => {
  const origin = originOf({ hmac: (purpose, value) => `${purpose} of ${value}` }, '2001:db8::1')
  expect(origin).toBe('address of 2001:db8:0:0::/64')
})
