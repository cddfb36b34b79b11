// A derived id is the uuidv5 of RFC 9562, so a retry makes the same id everywhere.
import { expect, test } from 'vitest'
import { createIds } from '../../src/adapters/ids.ts'

const ids = createIds()
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'

test('the vector of RFC 9562, appendix A.4', () => {
  expect(ids.derive(DNS, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
})
test('names of any length and script give well-formed, distinct ids', () => {
  const names = ['', 'a', 'я', '🐎'.repeat(1000), 'a\0', 'a\0b']
  const derived = names.map((name) => ids.derive(DNS, name))
  for (const id of derived) expect(id).toMatch(UUID)
  expect(new Set(derived).size).toBe(names.length)
  expect(ids.derive(ids.derive(DNS, 'a'), 'b')).not.toBe(ids.derive(DNS, 'b'))
})
test('a namespace that is no uuid is a defect', () => {
  expect(() => ids.derive('usr_1', 'a')).toThrow(TypeError)
})
test('random ids and secrets are new each time', () => {
  expect(ids.random()).toMatch(UUID)
  expect(ids.random()).not.toBe(ids.random())
  expect(Buffer.from(ids.secret(), 'base64url')).toHaveLength(32)
  expect(ids.secret()).not.toBe(ids.secret())
})
test('sha256 is FIPS 180-4', () => {
  expect(ids.sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
