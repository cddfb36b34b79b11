// What a container gets is enough to serve, the compose file names only what exists, and every alert and
// panel asks for a metric that is counted and names a section that says what to do. No container is started.
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createArgon2 } from '../src/adapters/argon2.ts'
import { createMetrics } from '../src/api/metrics.ts'
import { describeSettings, readConfig } from '../src/config.ts'
import { catalogue } from '../src/domain/catalogue.ts'
import { openBooks } from './support/books.ts'
import { root, sourceFiles } from './support/repository.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const settings = describeSettings()

/** A port that was free a moment ago. */
const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-deploy-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the Dockerfile', () => {
  const lines = read('Dockerfile').replaceAll('\\\n', ' ').split('\n')
  const all = (instruction: string): string[] =>
    lines
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length + 1).trim())
  const [last = ''] = lines.flatMap((line, at) => (line.startsWith('FROM ') ? [at] : [])).slice(-1)
  const copies = (from: readonly string[]) =>
    from
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .map((line) => line.split(/\s+/).slice(1))
      .map((words) => ({ sources: words.slice(0, -1), to: words.at(-1) ?? '' }))
  const command = (text = ''): string[] => JSON.parse(text.slice(text.indexOf('['))) as string[]

  test('copies what exists, and .dockerignore lets it through', () => {
    const [nothing, ...kept] = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect(nothing).toBe('*')
    const sources = new Set(copies(lines).flatMap((one) => one.sources))
    for (const source of sources) expect(existsSync(join(root, source)), source).toBe(true)
    expect(new Set(kept)).toEqual(new Set([...sources].map((source) => `!${source}`)))
  })

  test('is not root, says how it is asked to stop and whether it lives', () => {
    expect(all('USER')).toEqual(['node'])
    expect(all('STOPSIGNAL')).toEqual(['SIGTERM'])
    expect(all('HEALTHCHECK')).toHaveLength(1)
    for (const base of all('FROM')) expect(base).toMatch(/^node:24-bookworm-slim( |$)/)
  })

  test('copies enough to start, to say so, and to stop', async () => {
    for (const { sources, to } of copies(lines.slice(Number(last))))
      for (const source of sources) {
        const target = to.endsWith('/')
          ? join(folder, 'app', to, name(source))
          : join(folder, 'app', to)
        mkdirSync(dirname(target), { recursive: true })
        cpSync(join(root, source), target, { recursive: true })
      }
    symlinkSync(join(root, 'node_modules'), join(folder, 'app/node_modules'))
    const { port, env } = await startable()
    const [, ...entry] = command(all('ENTRYPOINT')[0])
    const server = spawn(process.execPath, entry, { cwd: join(folder, 'app'), env, stdio: 'pipe' })
    const ended = new Promise((resolve) => server.once('exit', resolve))
    try {
      await new Promise<void>((resolve, reject) => {
        server.stdout.on('data', (text: Buffer) => text.includes('listens on') && resolve())
        server.stderr.on('data', (text: Buffer) => reject(new Error(String(text))))
      })
      const [, ...live] = command(all('HEALTHCHECK')[0])
      expect(ask(live, env)).toEqual({ status: 0, stderr: '' })
      expect(ask(['deploy/health-check.mjs', 'ready'], env)).toEqual({ status: 0, stderr: '' })
      const document = await fetch(`http://127.0.0.1:${port}/openapi.json`)
      expect(document.status).toBe(200)
      server.kill('SIGTERM')
      expect(await ended).toBe(0)
      expect(ask(live, env)).toEqual({ status: 1, stderr: expect.stringContaining('ECONNREFUSED') })
    } finally {
      server.kill('SIGKILL')
    }
  })

  const name = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

  async function startable() {
    const port = await freePort()
    const env = {
      PATH: process.env['PATH'],
      HOST: '0.0.0.0',
      PORT: String(port),
      METRICS_PORT: '0',
      DATA_DIR: join(folder, 'data'),
      PRACTICE_MODEL: 'on',
    }
    return { port, env }
  }

  function ask(script: readonly string[], env: NodeJS.ProcessEnv) {
    const { status, stderr } = spawnSync(process.execPath, script, {
      cwd: join(folder, 'app'),
      env,
      encoding: 'utf8',
    })
    return { status, stderr }
  }
})

interface Service {
  readonly image: string
  readonly build?: string
  readonly profiles?: readonly string[]
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { condition: string }>>
  readonly restart?: string
  readonly stop_grace_period?: string
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly read_only?: boolean
  readonly tmpfs?: readonly string[]
  readonly logging?: object
  readonly deploy?: { readonly resources: { readonly limits: { readonly memory: string } } }
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: Readonly<Record<string, { file: string }>>
  readonly volumes: Readonly<Record<string, null>>
  readonly networks: Readonly<Record<string, { internal: boolean }>>
}

describe('docker-compose.yml', () => {
  const text = read('docker-compose.yml')
  const compose = parse(text, { merge: true }) as Compose
  const services = Object.entries(compose.services)
  const own = services.filter(([, { build }]) => build !== undefined)
  const servers = services.filter(([, { build }]) => build === undefined)
  const mounted = ({ volumes = [] }: Service) => volumes.map((one) => one.split(':')[0])

  test.each(services)('%s is watched, comes back, stops in peace and is bounded', (_name, one) => {
    expect(one).toMatchObject({
      restart: 'unless-stopped',
      stop_grace_period: expect.stringMatching(/^\d+s$/),
      healthcheck: { test: expect.any(Array) },
      logging: { driver: 'local' },
      deploy: { resources: { limits: { memory: expect.any(String) } } },
    })
    expect(one.profiles).toHaveLength(1)
    expect(['embedded', 'distributed']).toContain(one.profiles?.[0])
  })

  test('keeps the data of every store in a volume of its own', () => {
    const holders = services.filter(([, one]) => mounted(one).length > 0)
    expect(holders.map(([name]) => name)).toEqual(['daybook', ...servers.map(([name]) => name)])
    const used = holders.flatMap(([, one]) => mounted(one))
    expect(new Set(used)).toEqual(new Set(Object.keys(compose.volumes)))
  })

  test('lets nobody reach the servers but Daybook', () => {
    expect(compose.networks).toEqual({ servers: { internal: true } })
    for (const [name, one] of servers) {
      expect({ name, networks: one.networks }).toEqual({ name, networks: ['servers'] })
      expect(one).not.toHaveProperty('ports')
    }
  })

  test.each(own)('%s writes only where it may, and waits for what it needs', (name, one) => {
    expect(one).toMatchObject({ image: 'daybook', build: '.', read_only: true, cap_drop: ['ALL'] })
    expect(one.tmpfs).toContain('/tmp')
    const needed = name === 'daybook' ? [] : servers.map(([server]) => server)
    expect(Object.keys(one.depends_on ?? {})).toEqual(needed)
    for (const { condition } of Object.values(one.depends_on ?? {}))
      expect(condition).toBe('service_healthy')
    const [script = ''] = one.healthcheck?.test.filter((word) => word.endsWith('.mjs')) ?? []
    expect(existsSync(join(root, script))).toBe(true)
  })

  test('starts every role', () => {
    const roles = own.filter(([name]) => name !== 'daybook')
    expect(roles.map(([name]) => name)).toEqual(['api', 'project', 'work', 'bot'])
    for (const [name, { command }] of roles) expect(command).toEqual(['--role', name])
  })

  test.each(own)('%s has settings that exist and that the server takes', (_name, one) => {
    const names = new Set(settings.flatMap(({ name, secret }) => [name, secret && `${name}_FILE`]))
    const environment = { HOST: '0.0.0.0', ...one.environment }
    for (const name of Object.keys(environment)) expect(names).toContain(name)
    const files = { MASTER_KEY_FILE: 'master_key', OPENAI_API_KEY_FILE: 'openai_api_key' }
    const given: Record<string, string> = {}
    for (const [name, value] of Object.entries(environment))
      given[name] = value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
    for (const [name, secret] of Object.entries(files)) {
      expect(given[name]).toBe(one.secrets?.includes(secret) ? `/run/secrets/${secret}` : undefined)
      if (!given[name]) continue
      given[name] = join(folder, secret)
      writeFileSync(given[name], `${Buffer.alloc(32, 1).toString('base64')}\n`)
    }
    expect(() => readConfig(given, join(folder, '.env'))).not.toThrow()
  })

  test('takes from its own environment only settings, and the ports of api', () => {
    const taken = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name))
    taken.delete('API_PORTS')
    for (const name of taken) expect(settings.map((one) => one.name)).toContain(name)
  })

  test('has its secrets made by the script, once', () => {
    cpSync(join(root, 'deploy/make-secrets.sh'), join(folder, 'deploy/make-secrets.sh'))
    const make = (key: string) =>
      spawnSync('sh', [join(folder, 'deploy/make-secrets.sh')], {
        env: { PATH: process.env['PATH'], OPENAI_API_KEY: key },
      }).status
    expect(make('sk-first')).toBe(0)
    const secret = (name: string) => readFileSync(join(folder, 'secrets', name), 'utf8')
    const made = secret('master_key')
    expect(Buffer.from(made, 'base64')).toHaveLength(32)
    expect(make('sk-second')).toBe(0)
    expect([secret('master_key'), secret('openai_api_key')]).toEqual([made, 'sk-first\n'])
    expect(secret('.gitignore')).toBe('*\n')
    expect(statSync(join(folder, 'secrets')).mode & 0o777).toBe(0o700)
    for (const { file } of Object.values(compose.secrets))
      expect(existsSync(join(folder, file)), file).toBe(true)
  })
})

test('the log of EventStoreDB is copied in the order that lets the copy start, and over nothing', () => {
  const file = (path: string, text = path) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const index = ['indexmap', '5a1a8395', 'stream-existence/streamExistenceFilter.dat']
  for (const name of [...index, 'stream-existence/streamExistenceFilter.chk'])
    file(`db/index/${name}`)
  for (const name of ['writer.chk', 'chaser.chk', 'truncate.chk', 'chunk-000000.000000'])
    file(`db/${name}`)
  // Tells what is copied, then copies it.
  const order = join(folder, 'order')
  file('bin/cp', `#!/bin/sh\necho "$@" >> ${order}\nPATH=$REAL exec cp "$@"\n`)
  chmodSync(join(folder, 'bin/cp'), 0o755)
  const PATH = process.env['PATH'] ?? ''
  const copy = () =>
    spawnSync('sh', [join(root, 'deploy/copy-log.sh'), join(folder, 'db'), join(folder, 'copy')], {
      env: { PATH: `${join(folder, 'bin')}:${PATH}`, REAL: PATH },
      encoding: 'utf8',
    })
  expect(copy()).toMatchObject({ status: 0, stderr: '' })
  const copied = readFileSync(order, 'utf8')
  const places = [
    /index\S+\.chk/,
    /index\/indexmap/,
    / \.\/writer\.chk/,
    / chunk-/,
    /truncate\.chk$/m,
  ]
  const found = places.map((place) => copied.search(place))
  expect(found).toEqual([...found].sort((a, b) => a - b))
  expect(Math.min(...found)).toBeGreaterThanOrEqual(0)
  expect(readFileSync(join(folder, 'copy/truncate.chk'), 'utf8')).toBe('db/chaser.chk')
  expect(existsSync(join(folder, 'copy/index/stream-existence/streamExistenceFilter.dat'))).toBe(
    true,
  )
  expect(copy()).toMatchObject({ status: 1, stderr: expect.stringContaining('not empty') })
})

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook: string }
}
interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

describe('what watches', () => {
  const { groups } = parse(read('deploy/alerts.yml')) as { groups: { rules: Rule[] }[] }
  const rules = groups.flatMap((one) => one.rules)
  const board = JSON.parse(read('deploy/grafana.json')) as { panels: Panel[] }
  const panels = board.panels.filter(({ type }) => type !== 'row')
  const handbook = read('docs/operations.md')

  /** As GitHub makes them. */
  const anchors = [...handbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

  /** What a process shows, samples or not. `up` is Prometheus' own. */
  const counted = new Set(['up'])
  beforeAll(async () => {
    const books = await openBooks([])
    const { engine, runner, views } = books
    const passwords = createArgon2({})
    const metrics = createMetrics({
      engine,
      runner,
      deps: {
        views,
        passwords,
        limits: { countedAlone: () => 0 },
        floods: { lostInAll: () => 0 },
      },
      logEnd: { unseenMs: () => 0 },
      leases: { held: () => [] },
    })
    const answer = await fetch((await metrics.listen('127.0.0.1', await freePort())) ?? '')
    for (const [, name = ''] of (await answer.text()).matchAll(/^# TYPE (\w+)/gm)) counted.add(name)
    await metrics.close()
    await books.close()
  })

  const asked = (expr: string): string[] =>
    [...expr.matchAll(/\b(?:daybook|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => {
      const base = name.replace(/_(bucket|count|sum)$/, '')
      return counted.has(base) ? base : name
    })

  test.each(rules)('$alert asks for what is counted and says what to do', (rule) => {
    expect(asked(rule.expr).filter((name) => !counted.has(name))).toEqual([])
    expect(['critical', 'warning']).toContain(rule.labels.severity)
    expect(rule.annotations.summary).toMatch(/\.$/)
    const [file, anchor] = rule.annotations.runbook.split('#')
    expect(file).toBe('docs/operations.md')
    expect(anchors).toContain(anchor)
  })

  test.each(panels)('the panel "$title" asks for what is counted', ({ targets = [] }) => {
    expect(targets.length).toBeGreaterThan(0)
    for (const { expr } of targets)
      expect(asked(expr).filter((name) => !counted.has(name))).toEqual([])
  })

  test('names alerts and panels once, and events that exist', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length)
    for (const [, type = ''] of read('deploy/alerts.yml').matchAll(/type="(\w+)"/g))
      expect(Object.keys(catalogue)).toContain(type)
  })

  test('names services as the engines do', () => {
    const engines = sourceFiles('src/engines').map(({ text }) => text)
    const told = [...read('deploy/alerts.yml').matchAll(/service[=!]~?"([^"]+)"/g)]
    for (const name of told.flatMap(([, names = '']) => names.replaceAll('.*', '').split('|')))
      expect({ name, told: engines.some((text) => text.includes(`service: '${name}'`)) }).toEqual({
        name,
        told: true,
      })
  })

  test('every metric of ours is on the board or in an alert, and in the handbook', () => {
    const used = new Set(
      [...rules, ...panels.flatMap((one) => one.targets ?? [])].flatMap((one) => asked(one.expr)),
    )
    const ours = [...counted].filter((name) => name.startsWith('daybook_'))
    expect(ours.filter((name) => !used.has(name))).toEqual([])
    expect(ours.filter((name) => !handbook.includes(`\`${name}\``))).toEqual([])
  })

  test('the handbook has each of the ten incidents, and links that lead somewhere', () => {
    for (let n = 1; n <= 10; n++)
      expect(anchors.filter((one) => one.startsWith(`incident-${n}-`))).toHaveLength(1)
    const links = [...handbook.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor)
    expect(links.filter((one) => !anchors.includes(one))).toEqual([])
    expect(new Set(anchors).size).toBe(anchors.length)
  })
})
