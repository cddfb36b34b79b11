// A data directory that cannot be trusted is refused with one sentence and left as it is.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  networkFileSystem,
  parseMountCommand,
  parseMountInfo,
} from '../../../src/engines/embedded/sqlite/files.ts'
import { createSystemClock } from '../../../src/adapters/system-clock.ts'
import { openEngine } from '../../../src/engines/embedded/index.ts'
import { StoreRefused } from '../../../src/ports/store-refused.ts'
import { newEvents, put, versionsOf } from '../../contracts/harness.ts'
import { openTemporary, temporaryDirectory } from '../../support/embedded-engine.ts'
import { silent } from '../../support/silent.ts'

const open = (dataDir: string) =>
  openEngine({ dataDir, logger: silent, clock: createSystemClock() })

/** A closed data directory with 500 events of one stream. */
async function filled(): Promise<string> {
  const dataDir = temporaryDirectory()
  const engine = await open(dataDir)
  await engine.events.append('user-1', 'none', newEvents(500))
  await engine.keys.create('k', { wrapped: new Uint8Array(60), masterKeyId: 'm' })
  await engine.close()
  return dataDir
}

/** What a SIGKILL would leave: the files as they are while the log is open. */
async function killed(): Promise<string> {
  const running = temporaryDirectory()
  const { engine } = await openTemporary({ dataDir: running })
  await engine.events.append('user-1', 'none', newEvents(500))
  await engine.events.append('user-1', 499, newEvents(1))
  const dataDir = temporaryDirectory()
  for (const file of readdirSync(running)) {
    if (!/^(lock|daybook)|-shm$/.test(file)) copyFileSync(join(running, file), join(dataDir, file))
  }
  return dataDir
}

async function expectRefused(dataDir: string, sentence: RegExp): Promise<void> {
  const refused = open(dataDir)
  await expect(refused).rejects.toBeInstanceOf(StoreRefused)
  await expect(refused).rejects.toThrow(sentence)
  await expect(refused).rejects.toThrow(/^[^\n]+\.$/)
}

function patch(path: string, offset: number, bytes: Uint8Array): void {
  const file = readFileSync(path)
  file.set(bytes, offset)
  writeFileSync(path, file)
}

describe('a first start', () => {
  test('makes a private directory and a private master key', async () => {
    const dataDir = join(temporaryDirectory(), 'deep', 'data')
    const engine = await open(dataDir)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDir, 'master.key')).mode & 0o777).toBe(0o600)
    expect(new Uint8Array(readFileSync(join(dataDir, 'master.key')))).toEqual(
      await engine.keys.masterKey(),
    )
    await engine.close()
  })
  test('makes another master key everywhere', async () => {
    const keys = [(await openTemporary()).engine.keys, (await openTemporary()).engine.keys]
    expect(await keys[0]?.masterKey()).not.toEqual(await keys[1]?.masterKey())
  })
})

describe('a second process', () => {
  test('is refused, and told the number of the first', async () => {
    const dataDir = temporaryDirectory()
    await openTemporary({ dataDir })
    await expectRefused(
      dataDir,
      new RegExp(`in use by another Daybook process \\(pid ${process.pid}\\)`),
    )
  })
  test('may open when the first has been killed', async () => {
    const dataDir = temporaryDirectory()
    // The writer has the bare log only; keys and contents are made here.
    await (await open(dataDir)).close()
    const writer = join(import.meta.dirname, '../../support/log-writer.ts')
    const child = spawn(process.execPath, [writer], { stdio: ['pipe', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdin.write(`${dataDir} 0\n`)
    await once(child.stdout, 'data')
    await expectRefused(dataDir, new RegExp(`pid ${child.pid}\\)`))
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await (await open(dataDir)).close()
  })
  test('that only reads sees what the first writes, and writes nothing', async () => {
    const dataDir = temporaryDirectory()
    const { engine } = await openTemporary({ dataDir })
    await engine.events.append('user-1', 'none', newEvents(1))
    const reader = await openEngine({
      dataDir,
      logger: silent,
      clock: createSystemClock(),
      readOnly: true,
    })
    onTestFinished(() => reader.close())
    const seen = reader.events.subscribe({ after: 1n, signal: AbortSignal.timeout(10_000) })
    await engine.events.append('user-1', 0, newEvents(1))
    const { value } = await seen[Symbol.asyncIterator]().next()
    expect(value).toMatchObject([{ revision: 1 }])
    const view = { name: 'v', version: 1, indexes: {} }
    const writes = [
      reader.events.append('user-1', 1, newEvents(1)),
      reader.contents.put('k', new Uint8Array(1)),
      reader.keys.destroy('k'),
      put(reader.views, view, [], 1n),
      reader.snapshots.save('s', 1, 1, {}),
    ]
    for (const write of writes) await expect(write).rejects.toThrow(/reading only/)
  })
  test('that only reads is refused where there is nothing', async () => {
    const dataDir = temporaryDirectory()
    const refused = openEngine({
      dataDir,
      logger: silent,
      clock: createSystemClock(),
      readOnly: true,
    })
    await expect(refused).rejects.toThrow(/no Daybook data/)
    expect(readdirSync(dataDir)).toEqual([])
  })
})

describe('the event log', () => {
  test('that is no database', async () => {
    const dataDir = await filled()
    writeFileSync(join(dataDir, 'log.db'), 'something else entirely'.repeat(1_000))
    await expectRefused(dataDir, /log\.db is not a database/)
  })
  test('that is a database of something else', async () => {
    const dataDir = temporaryDirectory()
    const foreign = new DatabaseSync(join(dataDir, 'log.db'))
    foreign.exec('CREATE TABLE songs(title TEXT)')
    foreign.close()
    const before = readFileSync(join(dataDir, 'log.db'))
    await expectRefused(dataDir, /database of something else/)
    expect(readFileSync(join(dataDir, 'log.db'))).toEqual(before)
  })
  test('that a newer release wrote', async () => {
    const dataDir = await filled()
    const log = new DatabaseSync(join(dataDir, 'log.db'))
    log.exec('PRAGMA user_version=2')
    log.close()
    await expectRefused(dataDir, /has format 2; this release knows up to 1/)
  })
  test('that is cut off', async () => {
    const dataDir = await filled()
    truncateSync(join(dataDir, 'log.db'), statSync(join(dataDir, 'log.db')).size - 4_096)
    await expectRefused(dataDir, /cut off/)
  })
  test('that is empty though it held events', async () => {
    const dataDir = await filled()
    truncateSync(join(dataDir, 'log.db'), 0)
    await expectRefused(dataDir, /has lost what it held/)
    expect(statSync(join(dataDir, 'log.db')).size).toBe(0)
  })
  test('that is gone, and is not made anew', async () => {
    const dataDir = await filled()
    rmSync(join(dataDir, 'log.db'))
    await expectRefused(dataDir, /event log .* is gone/)
    expect(existsSync(join(dataDir, 'log.db'))).toBe(false)
  })
  test('whose last events were removed', async () => {
    const dataDir = await filled()
    const log = new DatabaseSync(join(dataDir, 'log.db'))
    log.exec('DELETE FROM events WHERE position > 490')
    log.close()
    await expectRefused(dataDir, /ends at position 490.*500/)
  })
  test('with an event near its end that cannot be read', async () => {
    const dataDir = await filled()
    const log = new DatabaseSync(join(dataDir, 'log.db'))
    log.exec(`UPDATE events SET data = CAST('{"cut' AS BLOB) WHERE position = 480`)
    log.close()
    await expectRefused(dataDir, /damaged near position 500/)
  })
  test('without one of its tables', async () => {
    const dataDir = await filled()
    const log = new DatabaseSync(join(dataDir, 'log.db'))
    log.exec('DROP TABLE types')
    log.close()
    await expectRefused(dataDir, /is damaged/)
  })
  test('with a damaged page, after a stop that did not close it', async () => {
    const dataDir = await filled()
    writeFileSync(join(dataDir, 'log.head'), 'unreadable')
    patch(join(dataDir, 'log.db'), 4_096 * 12, new Uint8Array(4_096).fill(0xff))
    await expectRefused(dataDir, /is damaged/)
  })
})

describe('the log of a killed process', () => {
  test('opens with everything that was acknowledged', async () => {
    const engine = await open(await killed())
    expect(await engine.events.revision('user-1')).toBe(500)
    await engine.close()
  })
  test('is refused when its WAL has lost its end', async () => {
    const dataDir = await killed()
    const wal = join(dataDir, 'log.db-wal')
    truncateSync(wal, statSync(wal).size - 5_000)
    await expectRefused(dataDir, /ends at position 500, but events up to 501 were acknowledged/)
  })
  test('is refused when its WAL is gone', async () => {
    const dataDir = await killed()
    rmSync(join(dataDir, 'log.db-wal'))
    await expectRefused(dataDir, /has lost what it held/)
  })
})

describe('the keys', () => {
  test('that are gone or empty beside a log that needs them, and are not made anew', async () => {
    const dataDir = await filled()
    truncateSync(join(dataDir, 'keys.db'), 0)
    await expectRefused(dataDir, /key store .* has lost what it held/)
    rmSync(join(dataDir, 'keys.db'))
    await expectRefused(dataDir, /key store .* is gone/)
    expect(existsSync(join(dataDir, 'keys.db'))).toBe(false)
  })
  test('without the master key that opens them', async () => {
    const dataDir = await filled()
    rmSync(join(dataDir, 'master.key'))
    await expectRefused(dataDir, /master\.key is missing, but keys\.db holds 1 keys/)
    expect(existsSync(join(dataDir, 'master.key'))).toBe(false)
  })
  test('with a master key that is cut off', async () => {
    const dataDir = await filled()
    truncateSync(join(dataDir, 'master.key'), 20)
    await expectRefused(dataDir, /20 bytes instead of 32/)
  })
  test('leave no byte of a destroyed key in any file', async () => {
    const dataDir = temporaryDirectory()
    const { engine } = await openTemporary({ dataDir })
    const secret = Buffer.from('a wrapped key that must be gone: 0123456789')
    for (const id of ['a', 'b', 'c']) {
      await engine.keys.create(id, { wrapped: new Uint8Array(secret), masterKeyId: 'm' })
    }
    const holding = () =>
      readdirSync(dataDir).filter((file) => readFileSync(join(dataDir, file)).includes(secret))
    expect(holding()).not.toEqual([])
    for (const id of ['a', 'b', 'c']) await engine.keys.destroy(id)
    expect(holding()).toEqual([])
  })
})

test('contents that are gone beside a log that needs them are refused', async () => {
  const dataDir = await filled()
  rmSync(join(dataDir, 'content.db'))
  await expectRefused(dataDir, /content store .* is gone/)
})

describe('after a refusal', () => {
  test('the directory is free and the repaired data opens', async () => {
    const dataDir = await filled()
    const key = readFileSync(join(dataDir, 'master.key'))
    rmSync(join(dataDir, 'master.key'))
    await expectRefused(dataDir, /missing/)
    writeFileSync(join(dataDir, 'master.key'), key, { mode: 0o600 })
    const engine = await open(dataDir)
    expect(await engine.events.head()).toBe(500n)
    await engine.close()
  })
})

describe('views', () => {
  test('that are ahead of the log are forgotten', async () => {
    const dataDir = await filled()
    const first = await open(dataDir)
    const view = { name: 'v', version: 1, indexes: {} }
    await put(first.views, view, [{ key: 'a', document: {}, position: 501n }], 501n)
    await first.close()
    const second = await open(dataDir)
    expect(await versionsOf(second.views, 'v')).toEqual([])
    await second.close()
  })
  test('that are damaged are refused with the way out', async () => {
    const dataDir = await filled()
    writeFileSync(join(dataDir, 'views.db'), 'x'.repeat(10_000))
    await expectRefused(dataDir, /Delete views\.db/)
    for (const file of readdirSync(dataDir)) {
      if (file.startsWith('views.db')) rmSync(join(dataDir, file))
    }
    await (await open(dataDir)).close()
  })
})

describe('a network file system', () => {
  const linux = (type: string) =>
    parseMountInfo(
      [
        '21 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
        `36 21 0:33 / /srv/my\\040share rw shared:9 - ${type} host:/share rw`,
      ].join('\n'),
    )
  test.each(['nfs4', 'cifs', 'smb3', '9p', 'fuse.sshfs', 'virtiofs'])('%s is known', (type) => {
    const [, share] = linux(type)
    expect(share).toEqual({ point: '/srv/my share', type })
    const directory = temporaryDirectory()
    const mounts = [...linux('ext4'), { point: directory, type }]
    expect(networkFileSystem(directory, mounts)).toBe(type)
  })
  test.each(['ext4', 'xfs', 'btrfs', 'tmpfs', 'overlay', 'apfs', 'fuse.fuse-overlayfs'])(
    '%s is a local one',
    (type) => {
      const directory = temporaryDirectory()
      expect(networkFileSystem(directory, [{ point: directory, type }])).toBeUndefined()
    },
  )
  test('is told from a local one below it, and the last mount counts', () => {
    const directory = temporaryDirectory()
    const nfs = { point: '/', type: 'nfs' }
    const local = { point: directory, type: 'ext4' }
    expect(networkFileSystem(directory, [local, nfs])).toBeUndefined()
    expect(networkFileSystem(directory, [local, { ...local, type: 'nfs' }])).toBe('nfs')
    expect(networkFileSystem(directory, [nfs, { point: `${directory}-other`, type: 'ext4' }])).toBe(
      'nfs',
    )
  })
  test('is known on macOS', () => {
    const table = [
      '/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)',
      '//me@nas/data on /Volumes/my data (smbfs, nodev, nosuid, mounted by me)',
    ].join('\n')
    expect(parseMountCommand(table)).toEqual([
      { point: '/', type: 'apfs' },
      { point: '/Volumes/my data', type: 'smbfs' },
    ])
  })
})
