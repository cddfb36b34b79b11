// Guarantee: the expression that SECURITY.md gives to secret scanners is the one by which this code knows its keys.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { API_KEY_PATTERN } from '../../src/domain/api-key/token.ts'
import { root } from '../support/repository.ts'

test('SECURITY.md names the expression', () => {
  const lines = readFileSync(join(root, 'SECURITY.md'), 'utf8').split('\n')
  expect(lines).toContain(API_KEY_PATTERN.source)
})
