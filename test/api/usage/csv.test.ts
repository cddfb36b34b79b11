// A cell of the CSV file is what it says: never a formula, never another cell or row, money exact.
import { expect, test } from 'vitest'
import { csvRow } from '../../../src/api/usage/csv.ts'

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\tx', "'\tx"],
  ['\rx', '"\'\rx"'],
  ['\nx', '"\'\nx"'],
  ['=a,"b"', '"\'=a,""b"""'],
  ['a,b', '"a,b"'],
  ['say "no"', '"say ""no"""'],
  ['plain', 'plain'],
  [undefined, ''],
  [7, '7'],
  [-1_100n, '-0.000001100'],
])('%s is written as %s', (cell, text) => {
  expect(csvRow([cell, 'end'])).toBe(`${text},end\r\n`)
})
