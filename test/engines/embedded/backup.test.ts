// A backup made while others write is whole, its keys lie apart, and a restore brings back that moment.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createSystemClock } from '../../../src/adapters/system-clock.ts'
import { openEngine } from '../../../src/engines/embedded/index.ts'
import {
  backupEmbedded,
  restoreEmbedded,
  verifyBackup,
} from '../../../src/engines/embedded/sqlite/backup.ts'
import { BEFORE_ALL } from '../../../src/ports/event-store.ts'
import { bytes, idsOf, newEvents, unique } from '../../contracts/harness.ts'
import { openTemporary, temporaryDirectory } from '../../support/embedded-engine.ts'
import { silent } from '../../support/silent.ts'

async function running() {
  const dataDir = temporaryDirectory()
  const { engine } = await openTemporary({ dataDir })
  await engine.events.append('user-1', 'none', newEvents(300))
  await engine.contents.put('inv/1/input', bytes('sealed input'))
  await engine.keys.create('user-1', { wrapped: bytes('wrapped'), masterKeyId: 'm' })
  return { dataDir, engine, target: join(temporaryDirectory(), 'backup') }
}

describe('backup', () => {
  test('brings back events, contents, keys and the master key', async () => {
    const { dataDir, engine, target } = await running()
    const report = await backupEmbedded(dataDir, target)
    expect(report).toMatchObject({ events: 300, contents: 1, keys: 1 })
    expect(readdirSync(join(target, 'log')).sort()).toEqual([
      'content.db',
      'log.db',
      'manifest.json',
    ])
    expect(readdirSync(join(target, 'keys')).sort()).toEqual([
      'keys.db',
      'manifest.json',
      'master.key',
    ])
    await engine.events.append('user-1', 299, newEvents(1))

    const restored = join(temporaryDirectory(), 'data')
    expect(await restoreEmbedded(target, restored)).toEqual(report)
    const { engine: again } = await openTemporary({ dataDir: restored })
    expect(idsOf(await again.events.readStream('user-1'))).toEqual(
      idsOf(await engine.events.readStream('user-1', { limit: 300 })),
    )
    expect(Buffer.from((await again.contents.get('inv/1/input')) ?? []).toString()).toBe(
      'sealed input',
    )
    expect(await again.keys.get('user-1')).toMatchObject({ masterKeyId: 'm' })
    expect(await again.keys.masterKey()).toEqual(await engine.keys.masterKey())
    expect(await again.events.append('user-1', 299, newEvents(1))).toMatchObject({ position: 301n })
  })
  test('is whole while many write, and hinders none of them', async () => {
    const { dataDir, engine, target } = await running()
    const stop = new AbortController()
    const writers = Array.from({ length: 8 }, async () => {
      const stream = unique('account')
      let revision: 'none' | number = 'none'
      while (!stop.signal.aborted)
        revision = (await engine.events.append(stream, revision, newEvents(3))).revision
    })
    const steps: string[] = []
    const report = await backupEmbedded(dataDir, target, (file) => steps.push(file))
    stop.abort()
    await Promise.all(writers)
    const after = await engine.events.head()
    expect(report.events).toBeGreaterThanOrEqual(300)
    expect(report.events).toBeLessThanOrEqual(Number(after))
    expect(new Set(steps)).toEqual(new Set(['event log', 'content store', 'key store']))

    const restored = temporaryDirectory()
    await restoreEmbedded(target, restored)
    const { engine: again } = await openTemporary({ dataDir: restored })
    const limit = report.events
    expect(await again.events.readAll({ after: BEFORE_ALL, limit: limit + 1 })).toEqual(
      await engine.events.readAll({ after: BEFORE_ALL, limit }),
    )
  })
  test('holds no key that was destroyed before it', async () => {
    const { dataDir, engine, target } = await running()
    await engine.keys.destroy('user-1')
    await backupEmbedded(dataDir, target)
    const restored = temporaryDirectory()
    await restoreEmbedded(target, restored)
    const { engine: again } = await openTemporary({ dataDir: restored })
    expect(await again.keys.get('user-1')).toEqual({ destroyed: true })
  })
  test('works on data that no process has open', async () => {
    const { dataDir, engine, target } = await running()
    await engine.close()
    expect(await backupEmbedded(dataDir, target)).toMatchObject({ events: 300 })
  })
  test('goes only into an empty directory', async () => {
    const { dataDir, target } = await running()
    mkdirSync(target)
    writeFileSync(join(target, 'holiday.jpg'), '')
    await expect(backupEmbedded(dataDir, target)).rejects.toThrow(/not empty/)
  })
})

describe('verify', () => {
  test.each(['log/log.db', 'log/content.db', 'keys/keys.db', 'keys/master.key'])(
    'notices a change in %s',
    async (file) => {
      const { dataDir, target } = await running()
      await backupEmbedded(dataDir, target)
      appendFileSync(join(target, file), 'x')
      await expect(verifyBackup(target)).rejects.toThrow(/has changed|damaged/)
    },
  )
  test.each(['log', 'keys'])('notices that %s was never finished', async (part) => {
    const { dataDir, target } = await running()
    await backupEmbedded(dataDir, target)
    rmSync(join(target, part, 'manifest.json'))
    await expect(verifyBackup(target)).rejects.toThrow(/not a complete backup/)
  })
})

describe('restore', () => {
  test('goes only into an empty directory', async () => {
    const { dataDir, target } = await running()
    await backupEmbedded(dataDir, target)
    const size = statSync(join(dataDir, 'log.db')).size
    await expect(restoreEmbedded(target, dataDir)).rejects.toThrow(/not empty/)
    expect(statSync(join(dataDir, 'log.db')).size).toBe(size)
  })
  test('that was interrupted is refused at the start', async () => {
    const { dataDir, target } = await running()
    await backupEmbedded(dataDir, target)
    const restored = temporaryDirectory()
    await restoreEmbedded(target, restored)
    rmSync(join(restored, 'log.db'))
    await expect(
      openEngine({ dataDir: restored, logger: silent, clock: createSystemClock() }),
    ).rejects.toThrow(/is gone/)
  })
  test('of a damaged backup writes nothing', async () => {
    const { dataDir, target } = await running()
    await backupEmbedded(dataDir, target)
    appendFileSync(join(target, 'log/log.db'), 'x')
    const restored = join(temporaryDirectory(), 'data')
    await expect(restoreEmbedded(target, restored)).rejects.toThrow()
    expect(existsSync(restored)).toBe(false)
  })
})
