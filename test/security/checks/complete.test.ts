// None of the 112 checks is missing: each is a test by its number, proved by a test that is named, decided otherwise in SECURITY.md, or about what does not exist yet.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root, sourceFiles } from '../../support/repository.ts'
import { dueWith, elsewhere, FIRST, LAST, notThereYet } from './index.ts'

const tests = sourceFiles('test').filter(({ path }) => path.endsWith('.test.ts'))
const numbersIn = (text: string): number[] =>
  [...text.matchAll(/\bS-(\d{2,3})\b/g)].map(([, digits]) => Number(digits))

/** In the title of a test, which stands in quotes; a comment is no test. */
const inTitles = new Set(
  tests
    .filter(({ path }) => !path.endsWith('checks/complete.test.ts'))
    .flatMap(({ lines }) => lines.filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line)))
    .flatMap((line) => numbersIn(/['"`].*/.exec(line)?.[0] ?? '')),
)
/** Rows of the table: the check, what it asks, what is done here and why. */
const rows = readFileSync(join(root, 'SECURITY.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| *S-\d/.test(line))
const decided = new Set(rows.flatMap((row) => numbersIn(row.split('|')[1] ?? '')))
const keysOf = (record: object): number[] => Object.keys(record).map(Number)
const all = Array.from({ length: LAST }, (_, nth) => nth + FIRST)

test('every number is somewhere', () => {
  const known = new Set([...inTitles, ...keysOf(elsewhere), ...decided, ...keysOf(notThereYet)])
  expect(all.filter((number) => !known.has(number))).toEqual([])
  expect([...known].filter((number) => number < FIRST || number > LAST)).toEqual([])
})

test('what exists is tested, and only decisions stand alone', () => {
  const tested = new Set([...inTitles, ...keysOf(elsewhere)])
  expect(keysOf(notThereYet).filter((number) => tested.has(number))).toEqual([])
  expect(tested.size).toBeGreaterThan(90)
})

describe('proved elsewhere', () => {
  const proofs = Object.entries(elsewhere).flatMap(([number, of]) =>
    of.map(({ file, title }) => [`S-${number}`, file, title] as const),
  )
  test.each(proofs)('%s: %s has “%s”', (_number, file, title) => {
    const found = tests.find(({ path }) => path === `test/${file}`)
    expect(found?.lines.filter((line) => line.includes(title)).length).toBeGreaterThan(0)
  })
})

test('what does not exist yet still does not', () => {
  const paths = sourceFiles('src').map(({ path }) => path)
  const due = Object.entries(dueWith).filter(([, sign]) => paths.some((path) => sign.test(path)))
  expect(due.map(([subject]) => subject)).toEqual([])
  expect(new Set(Object.values(notThereYet))).toEqual(new Set(Object.keys(dueWith)))
})

test('each decision says what is asked and what is done here', () => {
  expect(rows.length).toBeGreaterThan(20)
  for (const row of rows) {
    const cells = row.split('|').slice(2, -1)
    expect(cells).toHaveLength(2)
    for (const cell of cells) expect(cell.trim().length).toBeGreaterThan(3)
  }
})
