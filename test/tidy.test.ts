// The house rules that a reviewer should not have to look for.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { statusOf } from '../src/api/errors.ts'
import { catalogue, eventsByNoun } from '../src/domain/catalogue.ts'
import { dataClassOf } from '../src/domain/personal.ts'
import { describeSettings } from '../src/config.ts'
import { root, sourceFiles } from './support/repository.ts'

const source = sourceFiles('src')
const tests = sourceFiles('test')
const all = [
  ...source,
  ...tests,
  ...sourceFiles('bench'),
  ...sourceFiles('demo'),
  ...sourceFiles('scripts'),
]
const inFolder = (folder: string) => source.filter((file) => file.path.startsWith(`src/${folder}/`))

const offenders = (
  files: readonly { path: string; lines: readonly string[] }[],
  pattern: RegExp,
): string[] =>
  files.flatMap((file) =>
    file.lines
      .map((line, index) => ({ line, at: `${file.path}:${index + 1}` }))
      .filter(({ line }) => pattern.test(line))
      .map(({ line, at }) => `${at} ${line.trim()}`),
  )

describe('files', () => {
  test('are at most 400 lines long', () => {
    // A language is one file of texts, however many there are.
    const limit = (path: string) => (path.startsWith('src/messages/') ? 600 : 400)
    const long = all.filter((file) => file.lines.length > limit(file.path) + 1)
    expect(long.map((file) => file.path)).toEqual([])
  })
  test('say at the top what they promise', () => {
    const silent = source.filter(
      (file) => file.lines.length > 30 && !/^(#!.*\n)?\/\*\*/.test(file.text),
    )
    expect(silent.map((file) => file.path)).toEqual([])
  })
  test('of tests begin with the guarantee they protect', () => {
    const silent = tests.filter(
      (file) => file.path.endsWith('.test.ts') && !/^(\/\/|\/\*\*)/.test(file.text),
    )
    expect(silent.map((file) => file.path)).toEqual([])
  })
  test('carry no postponed work', () => {
    const words = ['TO_DO', 'FIX_ME', 'XX_X'].map((word) => word.replace('_', ''))
    expect(offenders(all, new RegExp(`\\b(${words.join('|')})\\b`))).toEqual([])
  })
})

describe('banned', () => {
  test('reading the environment outside config.ts', () => {
    const files = source.filter((file) => file.path !== 'src/config.ts')
    expect(offenders(files, /process\.env/)).toEqual([])
  })
  test('clock and random in the domain and the projections', () => {
    const files = [
      ...inFolder('domain'),
      ...inFolder('projections').filter((f) => !/runner|views|served/.test(f.path)),
    ]
    expect(
      offenders(files, /Date\.now|new Date\(\)|Math\.random|randomUUID|performance\.now/),
    ).toEqual([])
  })
  test('console', () => {
    expect(offenders(source, /\bconsole\./)).toEqual([])
  })
  test('async handlers of data events, which overlap', () => {
    expect(offenders(source, /\.on\('data', async/)).toEqual([])
  })
  test('any', () => {
    expect(offenders(all, /[:<]\s*any\b(?!thing)/).filter((line) => !/\/\/|\*/.test(line))).toEqual(
      [],
    )
  })
  test('default exports', () => {
    expect(offenders(source, /^export default/)).toEqual([])
  })
})

describe('events', () => {
  const definitions = Object.entries(catalogue)

  test('have one name each', () => {
    const names = Object.values(eventsByNoun).flatMap((events) => Object.keys(events))
    expect(new Set(names).size).toBe(names.length)
  })
  test.each(definitions)(
    '%s has a description and a data class for every field',
    (_type, definition) => {
      expect(definition.description.length).toBeGreaterThan(10)
      for (const [field, schema] of Object.entries(definition.schema.shape))
        expect({ field, dataClass: dataClassOf(schema as never)?.class }).toEqual({
          field,
          dataClass: expect.any(String),
        })
      for (const { dataClass } of definition.classed)
        expect(Object.keys(definition.schema.shape)).toContain(dataClass.subject)
    },
  )
  test.each(definitions)('%s has a golden example of every version', (type, definition) => {
    for (let v = 1; v <= definition.v; v++)
      expect(existsSync(join(root, `test/golden/${type}.v${v}.json`))).toBe(true)
  })
  test('are in the past tense', () => {
    const odd = definitions
      .map(([type]) => type)
      .filter((type) => !/(ed|Sent|Linked|Unlinked)$/.test(type))
    expect(odd).toEqual([])
  })
})

describe('refusals', () => {
  test.each(Object.keys(statusOf))('%s is thrown somewhere and a test expects it', (code) => {
    const thrown = source.some((file) =>
      file.path.endsWith('errors.ts')
        ? file.text.includes(`Problem('${code}'`)
        : !/refusal\.ts$|messages\//.test(file.path) && file.text.includes(`'${code}'`),
    )
    const expected = tests.some((file) => file.text.includes(`'${code}'`))
    expect({ code, thrown, expected }).toEqual({ code, thrown: true, expected: true })
  })
})

describe('documents', () => {
  test('.env.example names every setting', () => {
    const text = readFileSync(join(root, '.env.example'), 'utf8')
    for (const { name } of describeSettings()) expect(text).toContain(`${name}=`)
  })
})
