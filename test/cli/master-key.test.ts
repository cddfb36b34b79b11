// The master key can be replaced while everything runs: killed in the middle of it nothing is lost, and it
// is finished by asking again; afterwards the old key opens nothing.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSealer } from '../../src/adapters/sealing.ts'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { Sealed } from '../../src/domain/personal.ts'
import { operations } from '../../src/cli/operations/index.ts'
import { type Line, runOperation } from '../../src/cli/operation.ts'
import { type Installation, installation } from '../support/command-line.ts'
import { distributedEnvironment, onDistributed } from '../support/distributed-app.ts'
import { silent } from '../support/silent.ts'

vi.setConfig({ testTimeout: 60_000 })

const masterKey = () => randomBytes(32).toString('base64')
const [before, after] = [masterKey(), masterKey()]
const replacing = { MASTER_KEY: after, MASTER_KEY_OTHER: before }

let own: Installation
beforeEach(async () => {
  own = await installation(replacing)
})
afterEach(() => own.remove())

async function open(keys: Readonly<Record<string, string>>, servers: object = {}): Promise<App> {
  const config = readConfig(
    { DATA_DIR: own.dataDir, PORT: '0', METRICS_PORT: '0', ...servers, ...keys },
    '/nonexistent/.env',
  )
  return createApp(config, { logger: silent, role: 'all' })
}

async function rotate(app: App): Promise<unknown> {
  const lines: Line[] = []
  const { signal } = new AbortController()
  const request = { name: 'keys.rotate', input: {} }
  await runOperation(
    operations,
    app,
    request,
    (line) => lines.push(line),
    signal,
    async () => {},
  )
  return lines
}

test('by processes of both keys side by side, and a rotation that breaks off', async () => {
  const environment = onDistributed() ? await distributedEnvironment() : undefined
  const start = (keys: Readonly<Record<string, string>>) => open(keys, environment?.settings)
  const old = await start({ MASTER_KEY: before })
  const sealed = await old.deps.sealer.seal('user/usr_1', 'c', 'ada')
  await expect(rotate(old)).rejects.toThrow('MASTER_KEY_OTHER is not set')
  await old.stop()

  const killed = await start(replacing)
  const { keys } = killed.engine
  const rewrap = keys.rewrap.bind(keys)
  let left = 3
  vi.spyOn(keys, 'rewrap').mockImplementation(async (...change) => {
    if (left-- === 0) throw new Error('killed')
    await rewrap(...change)
  })
  await expect(rotate(killed)).rejects.toThrow('killed')
  await killed.stop()

  // Whoever wraps by the old one still, and whoever wraps by the new one: each reads all there is.
  const late = await start({ MASTER_KEY: before, MASTER_KEY_OTHER: after })
  expect(await late.deps.sealer.open(sealed)).toBe('ada')
  const meanwhile = await late.deps.sealer.seal('user/usr_2', 'c', 'eve')
  await late.stop()
  const resumed = await start(replacing)
  const opened = (app: App) =>
    Promise.all([sealed, meanwhile].map((one: Sealed) => app.deps.sealer.open(one)))
  expect(await opened(resumed)).toEqual(['ada', 'eve'])
  expect(await rotate(resumed)).toEqual([
    { kind: 'row', row: { wrapped: expect.toSatisfy((wrapped) => Number(wrapped) > 0) } },
  ])
  expect(await rotate(resumed)).toEqual([{ kind: 'row', row: { wrapped: 0 } }])
  await resumed.stop()

  const now = await start({ MASTER_KEY: after })
  expect(await opened(now)).toEqual(['ada', 'eve'])
  await now.stop()
  await expect(start({ MASTER_KEY: before })).rejects.toThrow('does not open the keys')
  await environment?.remove()
})

test.runIf(!onDistributed())('by a process that is killed in the middle of it', async () => {
  const openKeys = () =>
    openEngine({
      dataDir: own.dataDir,
      logger: silent,
      clock: createSystemClock(),
      masterKeyGiven: true,
    })
  const bytes = (key: string) => Buffer.from(key, 'base64')
  const engine = await openKeys()
  const sealer = await createSealer({ keys: engine.keys, masterKey: bytes(before) })
  const ids = Array.from({ length: 1_000 }, (_, at) => `user/usr_${String(at).padStart(5, '0')}`)
  const sealed = await Promise.all(ids.map((id) => sealer.seal(id, 'c', id)))
  const first = await engine.keys.get('user/usr_00000')
  await engine.close()

  const rotation = own.spawn('keys', 'rotate')
  const ended = new Promise((resolve) => rotation.once('exit', (_code, signal) => resolve(signal)))
  const reader = await openEngine({
    dataDir: own.dataDir,
    logger: silent,
    clock: createSystemClock(),
    readOnly: true,
    masterKeyGiven: true,
  })
  const wrappedBy = async (id: string) => {
    const stored = await reader.keys.get(id)
    return stored && 'masterKeyId' in stored ? stored.masterKeyId : undefined
  }
  const old = first && 'masterKeyId' in first ? first.masterKeyId : undefined
  await expect
    .poll(() => wrappedBy('user/usr_00000'), { timeout: 20_000, interval: 1 })
    .not.toBe(old)
  rotation.kill('SIGKILL')
  expect(await ended).toBe('SIGKILL')
  expect(await wrappedBy('user/usr_00999')).toBe(old)
  await reader.close()

  expect(await own.daybook('keys', 'rotate')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+ keys were wrapped anew/),
  })
  const engineNow = await openKeys()
  const opener = await createSealer({ keys: engineNow.keys, masterKey: bytes(after) })
  expect(await Promise.all(sealed.map((one) => opener.open(one)))).toEqual(ids)
  await engineNow.close()
})
