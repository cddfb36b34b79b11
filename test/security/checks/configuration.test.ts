// Checks S-97, S-98, S-99 to S-102, S-104, S-105 and S-110: an installation does not start in a way that is not safe, and what it is made of is what was reviewed.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigurationError, readConfig } from '../../../src/config.ts'
import { clientOf } from '../../../src/engines/distributed/mongodb/address.ts'
import { StoreRefused } from '../../../src/ports/store-refused.ts'
import { startTestApp } from '../../support/app.ts'
import { root, sourceFiles } from '../../support/repository.ts'

const source = sourceFiles('src')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-checks-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment, join(folder, '.env'))
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
}

describe('S-97 a secret', () => {
  const key = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64')
  test.each(['changeme', 'secret', key(16), key(31), key(33), '0'.repeat(64)])(
    'MASTER_KEY=%s stops the start, and is not repeated',
    (MASTER_KEY) => {
      const problems = problemsOf({ MASTER_KEY })
      expect(problems).not.toEqual([])
      for (const problem of problems) expect(problem).toMatch(/^MASTER_KEY: /)
      expect(problems.join()).not.toContain(MASTER_KEY)
    },
  )
  test('is required where processes share servers', () => {
    expect(problemsOf({ ENGINE: 'distributed' })).toContainEqual(
      expect.stringMatching(/^MASTER_KEY: required/),
    )
  })
  test('has no default and no example: .env.example gives none', () => {
    const given = read('.env.example')
      .split('\n')
      .filter((line) => /^[A-Z_]*(KEY|URL|SECRET|TOKEN)[A-Z_]*=.+/.test(line))
    expect(given.filter((line) => !/^(PUBLIC|DASHBOARD|OPENAI_BASE)_URL=/.test(line))).toEqual([])
    for (const { text, path } of source) expect(text, path).not.toMatch(/\bsk-[A-Za-z0-9]{20}/)
  })
  test('that is made on a first start is for its owner alone', async () => {
    const fresh = await startTestApp()
    try {
      if (fresh.app.config.ENGINE !== 'embedded') return
      expect(statSync(join(fresh.dataDir, 'master.key')).mode & 0o077).toBe(0)
    } finally {
      await fresh.stop()
    }
  })
})

describe('S-98 the environment', () => {
  test('NODE_ENV changes nothing: no file asks for it', () => {
    expect(source.filter(({ text }) => text.includes('NODE_ENV')).map(({ path }) => path)).toEqual(
      [],
    )
  })
  test('no start opens an inspector', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const starts = [...Object.values(scripts), read('Dockerfile'), read('docker-compose.yml')]
    expect(starts.filter((text) => /--inspect/.test(text))).toEqual([])
  })
})

describe('S-99 the address of MongoDB', () => {
  const open = (query: string) =>
    clientOf({ url: `mongodb://ada:hidden-word@db.example/?${query}`, setting: 'MONGODB_URL' }, {})
  test.each([
    'tls=true&tlsInsecure=true',
    'tls=true&tlsAllowInvalidCertificates=true',
    'tls=true&tlsAllowInvalidHostnames=true',
  ])('with %s stops the start', (query) => {
    expect(() => open(query)).toThrow(StoreRefused)
    expect(() => open(query)).toThrow(/MONGODB_URL turns the check of certificates off/)
    expect(() => open(query)).not.toThrow('hidden-word')
  })
  test('with TLS as it should be is taken', () => {
    for (const query of ['tls=true', 'tls=true&tlsInsecure=false', ''])
      expect(open(query).options.rejectUnauthorized).not.toBe(false)
  })
})

test('S-99 nothing in the product turns the check of certificates off', () => {
  for (const { path, text } of source)
    expect(text, path).not.toMatch(/rejectUnauthorized: false|TLS_REJECT_UNAUTHORIZED/)
})

test('S-100 no engine removes or cuts an event of the log, or asks a server to', () => {
  const engines = source.filter(({ path }) => /engines\/.*event-?store/.test(path))
  expect(engines.length).toBeGreaterThan(2)
  for (const { path, text } of engines)
    expect(text, path).not.toMatch(
      /deleteStream|tombstoneStream|setStreamMetadata|scavenge|DELETE FROM events|UPDATE events/i,
    )
})

interface Locked {
  readonly integrity?: string
  readonly resolved?: string
  readonly hasInstallScript?: true
  readonly dev?: true
  readonly devOptional?: true
  readonly optional?: true
  readonly link?: true
}
const locked = (): [string, Locked][] =>
  Object.entries(
    (JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages,
  ).filter(([path]) => path.startsWith('node_modules/'))

describe('what is installed', () => {
  test('S-101 is pinned with its integrity, and comes from a registry', () => {
    const packages = locked()
    expect(packages.length).toBeGreaterThan(50)
    for (const [path, one] of packages) {
      expect(one.link, path).toBeUndefined()
      expect(one.integrity, path).toMatch(/^sha512-/)
      expect(one.resolved ?? 'https://', path).toMatch(/^https:\/\//)
      expect(one.resolved ?? '', path).not.toMatch(/git|github/)
    }
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
    for (const kind of ['dependencies', 'devDependencies', 'overrides'])
      for (const [name, version] of Object.entries(manifest[kind] ?? {}))
        expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
    expect(read('.npmrc')).toContain('save-exact=true')
  })
  test('S-102 runs a script at its installation only where it was reviewed', () => {
    const { allowScripts } = JSON.parse(read('package.json')) as {
      allowScripts: Record<string, boolean>
    }
    const withScripts = locked()
      .filter(([, one]) => one.hasInstallScript)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    for (const name of withScripts) expect(Object.keys(allowScripts)).toContain(name)
    const allowed = Object.entries(allowScripts).flatMap(([name, yes]) => (yes ? [name] : []))
    expect(allowed).toEqual(['node'])
  })
  test('S-104 is little: what runs in production can be counted', () => {
    const running = locked().filter(([, one]) => !one.dev && !one.devOptional && !one.optional)
    expect(running.length).toBeLessThan(160)
  })
})

test('S-105 no code is made from text, and nothing else is run', () => {
  const dangerous =
    /(?<![.\w])eval\(|new Function\(|node:vm|child_process|process\.binding|\bcreateRequire\b|(?<![.\w])require\(['"]|node:worker_threads/
  const found = source.flatMap(({ path, lines }) =>
    lines.filter((line) => dangerous.test(line)).map((line) => `${path} ${line.trim()}`),
  )
  // On macOS, with an argument of ours: which file system the data lies on.
  expect(found).toEqual([
    "src/engines/embedded/sqlite/files.ts import { execFileSync } from 'node:child_process'",
  ])
  // What is loaded when it is needed is named where it is loaded.
  const dynamic = source.flatMap(({ path, lines }) =>
    lines.filter((line) => /\bimport\((?!['"])/.test(line)).map((line) => `${path} ${line.trim()}`),
  )
  expect(dynamic).toEqual([])
})

test('S-110 nothing of a test is in the product', () => {
  const found = source.flatMap(({ path, lines }) =>
    lines
      .filter((line) => /from '.*\/(test|bench|demo)\/|fakeClock|failpoint|vitest/i.test(line))
      .map((line) => `${path} ${line.trim()}`),
  )
  expect(found).toEqual([])
})
