// Imports go one way only, and nothing outside the composition root knows an engine.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root, type SourceFile, sourceFiles } from './support/repository.ts'

const files = sourceFiles('src')
const layerOf = (path: string): string => path.split('/')[1]?.replace(/\.ts$/, '') ?? ''

/** Row may import column. `own`: only files of the same engine or its own folder. */
const everything = [
  'domain',
  'ports',
  'messages',
  'commands',
  'projections',
  'workers',
  'api',
  'engines',
  'adapters',
  'cli',
]
const may: Readonly<Record<string, readonly string[]>> = {
  domain: ['domain'],
  ports: ['domain', 'ports'],
  messages: ['domain', 'messages'],
  commands: ['domain', 'ports', 'commands', 'projections'],
  projections: ['domain', 'ports', 'projections'],
  workers: ['domain', 'ports', 'messages', 'commands', 'projections', 'workers'],
  api: ['domain', 'ports', 'messages', 'commands', 'projections', 'api'],
  engines: ['domain', 'ports', 'engines'],
  adapters: ['domain', 'ports', 'adapters'],
  cli: [
    'domain',
    'ports',
    'messages',
    'commands',
    'projections',
    'workers',
    'cli',
    'app',
    'config',
  ],
  app: [...everything, 'config', 'wiring'],
  wiring: [...everything, 'config'],
  serve: [...everything, 'app', 'config'],
  main: ['serve'],
  config: ['config-doors', 'config-fields', 'config-providers'],
  'config-doors': ['config-fields'],
  'config-fields': [],
  'config-providers': [],
}

describe('layers', () => {
  test('every folder and file of src has its row', () => {
    expect(files.map((file) => layerOf(file.path)).filter((layer) => !(layer in may))).toEqual([])
  })

  test.each(Object.keys(may))('%s imports only what it may', (layer) => {
    const wrong = files
      .filter((file) => layerOf(file.path) === layer)
      .flatMap((file) => file.imports.map((imported) => ({ file, imported })))
      .filter(({ imported }) => imported !== 'package.json')
      .filter(({ imported }) => !(may[layer] ?? []).includes(layerOf(imported)))
      .map(({ file, imported }) => `${file.path} imports ${imported}`)
    expect(wrong).toEqual([])
  })

  test('the domain imports zod and nothing of Node', () => {
    const wrong = files
      .filter((file) => layerOf(file.path) === 'domain')
      .flatMap((file) => file.packages.map((name) => `${file.path}: ${name}`))
      .filter((entry) => !entry.endsWith(': zod'))
    expect(wrong).toEqual([])
  })

  test('engines do not know each other', () => {
    const engineOf = (path: string) => path.split('/')[2] ?? ''
    const wrong = files
      .filter((file) => layerOf(file.path) === 'engines')
      .flatMap((file) =>
        file.imports
          .filter((imported) => layerOf(imported) === 'engines')
          .filter((imported) => engineOf(imported) !== engineOf(file.path))
          .map((imported) => `${file.path} imports ${imported}`),
      )
    expect(wrong).toEqual([])
  })

  test('no file imports itself by a detour', () => {
    expect(cycles(files)).toEqual([])
  })

  test('every import is a file', () => {
    const missing = files.flatMap((file) =>
      file.imports.filter((imported) => !existsSync(join(root, imported))),
    )
    expect(missing).toEqual([])
  })
})

describe('engines', () => {
  const folders = readdirSync(join(root, 'src/engines'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
  const ports = [
    'content-store',
    'counters',
    'event-store',
    'index',
    'job-queue',
    'key-store',
    'live-feed',
    'view-store',
  ]

  test.each(folders)('%s has one file for every port, the rest in folders', (folder) => {
    const entries = readdirSync(join(root, 'src/engines', folder), { withFileTypes: true })
    const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
    expect(names).toEqual(ports.map((port) => `${port}.ts`))
  })

  test.each(ports)('%s exports the same functions in every engine', async (port) => {
    const exported = await Promise.all(
      folders.map(async (folder) => {
        const path = join(root, 'src/engines', folder, `${port}.ts`)
        const loaded = (await import(path)) as Record<string, unknown>
        return Object.keys(loaded).filter((name) => typeof loaded[name] === 'function')
      }),
    )
    for (const names of exported) expect(names).toEqual(exported[0])
  })

  test('only the composition root and the configuration name an engine or a store', () => {
    const allowed = new Set(['src/app.ts', 'src/config.ts'])
    const wrong = files
      .filter((file) => !allowed.has(file.path) && layerOf(file.path) !== 'engines')
      .filter((file) =>
        /\b(embedded|distributed|sqlite|mongo\w*|redis|eventstoredb|bullmq)\b/i.test(file.text),
      )
      .map((file) => file.path)
    expect(wrong).toEqual([])
  })

  test('every engine port has a contract suite', () => {
    const contracts = readdirSync(join(root, 'test/contracts'))
    for (const port of ports.filter((name) => name !== 'index'))
      expect(contracts).toContain(`${port}.ts`)
  })
})

describe('outside services', () => {
  test('Paddle is named in files of its own, in lists and where all is put together: another provider is another folder', () => {
    const lists = [
      'src/domain/catalogue.ts',
      'src/domain/refusal.ts',
      'src/projections/index.ts',
      'src/workers/index.ts',
      'src/api/index.ts',
      'src/api/errors.ts',
      'src/api/metrics.ts',
      'src/cli/command-line.ts',
      'src/cli/operations/index.ts',
      // BILLING=paddle.
      'src/commands/deps.ts',
    ]
    const composition = ['app', 'wiring', 'config', 'config-doors', 'messages']
    const wrong = files
      .filter(({ path }) => !path.includes('paddle') && !lists.includes(path))
      .filter(({ path }) => !composition.includes(layerOf(path)))
      .filter(({ text }) => /paddle/i.test(text))
      .map(({ path }) => path)
    expect(wrong).toEqual([])
  })
})

function cycles(all: readonly SourceFile[]): string[] {
  const byPath = new Map(all.map((file) => [file.path, file]))
  const state = new Map<string, 'open' | 'done'>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
      return
    }
    state.set(path, 'open')
    for (const imported of byPath.get(path)?.imports ?? []) visit(imported, [...trail, path])
    state.set(path, 'done')
  }
  for (const file of all) visit(file.path, [])
  return found
}
