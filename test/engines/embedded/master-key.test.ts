// A master key that comes by configuration is the only one: none is made or asked for beside the data.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { backupEmbedded, restoreEmbedded } from '../../../src/engines/embedded/sqlite/backup.ts'
import { createSystemClock } from '../../../src/adapters/system-clock.ts'
import { openEngine } from '../../../src/engines/embedded/index.ts'
import { silent } from '../../support/silent.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'daybook-master-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const key = { wrapped: new Uint8Array([1, 2, 3]), masterKeyId: 'given' }

test('with a given key the data holds none, and opens again without one', async () => {
  for (let start = 0; start < 2; start++) {
    const engine = await openEngine({
      dataDir,
      logger: silent,
      clock: createSystemClock(),
      masterKeyGiven: true,
    })
    expect(await engine.keys.masterKey()).toBeUndefined()
    await engine.keys.create('user/usr_1', key)
    await engine.close()
    expect(existsSync(join(dataDir, 'master.key'))).toBe(false)
  }
})

test('without it afterwards the start is refused: nothing here could open the keys', async () => {
  const engine = await openEngine({
    dataDir,
    logger: silent,
    clock: createSystemClock(),
    masterKeyGiven: true,
  })
  await engine.keys.create('user/usr_1', key)
  await engine.close()
  await expect(openEngine({ dataDir, logger: silent, clock: createSystemClock() })).rejects.toThrow(
    /master\.key is missing/,
  )
})

test('a backup has none either, and is whole', async () => {
  const engine = await openEngine({
    dataDir,
    logger: silent,
    clock: createSystemClock(),
    masterKeyGiven: true,
  })
  await engine.keys.create('user/usr_1', key)
  const backup = join(dataDir, '..', `${basename(dataDir)}-backup`)
  const restored = `${backup}-restored`
  try {
    expect(await backupEmbedded(dataDir, backup)).toMatchObject({ keys: 1 })
    await restoreEmbedded(backup, restored)
    expect(existsSync(join(restored, 'keys.db'))).toBe(true)
    expect(existsSync(join(restored, 'master.key'))).toBe(false)
  } finally {
    await engine.close()
    for (const folder of [backup, restored]) rmSync(folder, { recursive: true, force: true })
  }
})
