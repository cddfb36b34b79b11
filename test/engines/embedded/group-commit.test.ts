// A commit that fails leaves nothing half-written, and after an I/O error the file is left alone.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Appender } from '../../../src/engines/embedded/sqlite/appender.ts'
import { openDatabase, scalar } from '../../../src/engines/embedded/sqlite/database.ts'
import { LOG } from '../../../src/engines/embedded/sqlite/log-file.ts'
import { GroupCommit } from '../../../src/engines/embedded/sqlite/group-commit.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { newEvent, newEvents } from '../../contracts/harness.ts'
import { temporaryDirectory } from '../../support/embedded-engine.ts'

function openLog(): DatabaseSync {
  const db = openDatabase(join(temporaryDirectory(), 'log.db'), LOG)
  onTestFinished(() => db.close())
  return db
}
const large = () => newEvent({ text: 'x'.repeat(100_000) })
const diskError = () => Object.assign(new Error('disk I/O error'), { errcode: 10 | (4 << 8) })

describe('a full disk', () => {
  test('fails every append of the commit, keeps none in part, and passes', async () => {
    const db = openLog()
    let commits = 0
    const appender = new Appender(db, () => void commits++)
    await appender.append('account-1', 'none', newEvents(2))
    const pages = Number(scalar(db, 'PRAGMA page_count'))
    db.exec(`PRAGMA max_page_count=${pages + 30}`)
    const answers = await Promise.allSettled([
      appender.append('account-1', 1, newEvents(1)),
      appender.append('account-2', 'none', [large(), large(), large()]),
      appender.append('account-3', 'none', newEvents(1)),
    ])
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { service: 'event log' } })
    }
    expect(scalar(db, 'SELECT count(*) FROM events')).toBe(2)
    expect(scalar(db, 'SELECT count(*) FROM streams')).toBe(1)
    expect(commits).toBe(1)

    db.exec('PRAGMA max_page_count=1000000')
    expect(await appender.append('account-1', 1, newEvents(1))).toEqual({
      revision: 2,
      position: 3n,
    })
    expect(await appender.append('account-2', 'none', [large()])).toMatchObject({ position: 4n })
    const types = [{ ...newEvent(), type: 'FirstSeenAfterwards' }]
    expect(await appender.append('account-4', 'none', types)).toMatchObject({ position: 5n })
    expect(scalar(db, 'PRAGMA integrity_check')).toBe('ok')
  })
})

describe('work that throws', () => {
  test('is rolled back with its batch, and the next one is written', async () => {
    const db = openLog()
    const commit = new GroupCommit(db, { service: 'event log' })
    const write = (name: string) => db.prepare('INSERT INTO streams(name) VALUES (?)').run(name)
    const answers = await Promise.allSettled([
      commit.run(1, 0, () => write('beside')),
      commit.run(1, 0, () => {
        write('half')
        throw new Error('a defect')
      }),
    ])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await commit.run(1, 0, () => write('next'))
    expect(db.prepare('SELECT name FROM streams').all()).toMatchObject([{ name: 'next' }])
  })
})

describe('an I/O error', () => {
  test('turns the store off: every later write is refused without touching the file', async () => {
    const db = openLog()
    const commit = new GroupCommit(db, { service: 'event log' })
    const failed = commit.run(1, 0, () => {
      throw diskError()
    })
    await expect(failed).rejects.toBeInstanceOf(Unavailable)
    let touched = false
    const later = commit.run(1, 0, () => {
      touched = true
    })
    await expect(later).rejects.toMatchObject({ cause: { message: 'disk I/O error' } })
    expect(touched).toBe(false)
    expect(commit.off).toMatchObject({ message: 'disk I/O error' })
  })
  test('refuses also what was waiting behind it', async () => {
    const commit = new GroupCommit(openLog(), { service: 'event log' })
    const first = commit.run(128, 0, () => {
      throw diskError()
    })
    const second = commit.run(128, 0, () => 'written')
    const answers = await Promise.allSettled([first, second])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})

describe('a batch', () => {
  test('shares one transaction within a tick, up to 128 events', async () => {
    let commits = 0
    const appender = new Appender(openLog(), () => void commits++)
    const append = (events: number) => appender.append(randomUUID(), 'none', newEvents(events))
    await Promise.all(Array.from({ length: 128 }, () => append(1)))
    expect(commits).toBe(1)
    await Promise.all(Array.from({ length: 129 }, () => append(1)))
    expect(commits).toBe(3)
    await append(1_000)
    expect(commits).toBe(4)
  })
  test('lets the loop turn between two of them', async () => {
    const commit = new GroupCommit(openLog(), { service: 'event log' })
    const order: string[] = []
    const work = Promise.all(
      ['first', 'second'].map((name) => commit.run(128, 0, () => void order.push(name))),
    )
    setImmediate(() => order.push('others'))
    await work
    expect(order).toEqual(['first', 'others', 'second'])
  })
  test('is committed at closing, and nothing after it', async () => {
    const db = openLog()
    const appender = new Appender(db, () => undefined)
    const last = appender.append('account-1', 'none', newEvents(1))
    appender.close()
    expect(await last).toMatchObject({ revision: 0 })
    await expect(appender.append('account-1', 0, newEvents(1))).rejects.toBeInstanceOf(Unavailable)
    expect(scalar(db, 'SELECT count(*) FROM events')).toBe(1)
  })
})

describe('an append that is a defect of its caller', () => {
  test.each([
    ['an id that is no uuid', 'none' as const, { id: 'e1' }],
    ['metadata without a time', 'none' as const, { metadata: '{}' }],
    ['a negative revision', -1, {}],
    ['half a revision', 0.5, {}],
  ])('%s fails alone', async (_, expected, change) => {
    const appender = new Appender(openLog(), () => undefined)
    const good = appender.append('account-1', 'none', newEvents(1))
    const bad = appender.append('account-2', expected, [{ ...newEvent(), ...change }])
    await expect(bad).rejects.toBeInstanceOf(TypeError)
    expect(await good).toMatchObject({ revision: 0 })
  })
})

describe('the file', () => {
  test('is durable at each commit and holds bytes, not text', async () => {
    const db = openLog()
    const appender = new Appender(db, () => undefined)
    await appender.append('account-1', 'none', newEvents(1))
    expect(scalar(db, 'PRAGMA synchronous')).toBe(2)
    expect(scalar(db, 'PRAGMA journal_mode')).toBe('wal')
    expect(
      db
        .prepare(
          `SELECT typeof(data) AS data, typeof(metadata) AS metadata, length(event_id) AS id,
             recorded_at AS at FROM events`,
        )
        .get(),
    ).toMatchObject({ data: 'blob', metadata: 'blob', id: 16, at: Date.UTC(2030, 0, 31, 12) })
  })
  test('never gives a position twice, even to another writer after a removal', async () => {
    const db = openLog()
    const appender = new Appender(db, () => undefined)
    await appender.append('account-1', 'none', newEvents(3))
    db.exec('DELETE FROM events WHERE position = 3')
    db.exec(
      `INSERT INTO events(stream, revision, event_id, type, data, metadata, recorded_at)
       VALUES (1, 9, x'00', 1, x'00', x'00', 0)`,
    )
    expect(scalar(db, 'SELECT max(position) FROM events')).toBe(4)
  })
})
