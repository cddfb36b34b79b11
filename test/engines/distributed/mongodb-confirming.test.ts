// Keys and contents count as stored only when a majority has them on disk, and only such keys are read.
import type { BSON } from 'mongodb'
import { expect, onTestFinished, test } from 'vitest'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import type { ViewCollection } from '../../../src/ports/view-store.ts'
import { bytes, put } from '../../contracts/harness.ts'
import { type MongoParts, openMongoParts } from './mongodb-parts.ts'
import { startPeer } from './mongodb-peer.ts'

type Document = BSON.Document

const key = { wrapped: bytes('k'), masterKeyId: 'm1' }
const view: ViewCollection = { name: 'things', version: 1, indexes: {} }
const found = (...documents: Document[]): Document => ({
  ok: 1,
  cursor: { firstBatch: documents, id: 0n, ns: 'x.y' },
})
const UNCONFIRMED = {
  ok: 1,
  n: 1,
  nModified: 1,
  writeConcernError: { code: 64, errmsg: 'waiting' },
}
const THERE = { index: 0, code: 11_000, errmsg: 'E11000 duplicate key' }

/** Parts on a server that answers as told, and every command that they have sent since they were open. */
async function open(answers: Record<string, (command: Document) => Document | undefined>) {
  const sent: Document[] = []
  let isOpen = false
  const answer = (name: string, otherwise: (command: Document) => Document) => {
    return (command: Document): Document => {
      if (!isOpen) return otherwise(command)
      sent.push(command)
      return answers[name]?.(command) ?? otherwise(command)
    }
  }
  const done = () => ({ ok: 1, n: 1, nModified: 1 })
  const installation = (command: Document) => {
    if (command['find'] !== 'daybook') return found()
    const holds = String(command['$db']).endsWith('_keys') ? 'keys' : 'views'
    return found({ _id: 'installation', namespace: 'peer', holds })
  }
  const address = await startPeer({
    insert: answer('insert', done),
    update: answer('update', done),
    delete: answer('delete', done),
    find: answer('find', installation),
    listCollections: () => found(),
    listIndexes: () => found(),
  })
  const parts = await openMongoParts({ namespace: 'peer', url: `mongodb://${address}` })
  onTestFinished(() => parts.close())
  isOpen = true
  return { parts, sent }
}

const writes = {
  'a part is stored': ({ contents }: MongoParts) => contents.put('a', bytes('a')),
  'parts are deleted': ({ contents }: MongoParts) => contents.delete(['a']),
  'a key is made': ({ keys }: MongoParts) => keys.create('a', key),
  'a key is destroyed': ({ keys }: MongoParts) => keys.destroy('a'),
  'a key is wrapped anew': ({ keys }: MongoParts) => keys.rewrap('a', key, key),
}

test.each(Object.entries(writes))('%s: by a majority and on disk', async (_what, write) => {
  const { parts, sent } = await open({})
  await write(parts)
  expect(sent).toHaveLength(1)
  expect(sent[0]?.['writeConcern']).toMatchObject({ w: 'majority', j: true })
})

test.each(Object.entries(writes))('%s: unavailable without it', async (_what, write) => {
  const unconfirmed = () => UNCONFIRMED
  const { parts } = await open({ insert: unconfirmed, update: unconfirmed, delete: unconfirmed })
  await expect(write(parts)).rejects.toBeInstanceOf(Unavailable)
})

test('what is there already counts as stored once a majority has it', async () => {
  let looked = 0
  const { parts, sent } = await open({
    insert: () => ({ ok: 1, n: 0, writeErrors: [THERE] }),
    find: () => (looked++ < 3 ? found() : found({ _id: 'a', ...key })),
  })
  expect(await parts.keys.create('a', key)).toMatchObject({ masterKeyId: 'm1' })
  expect(looked).toBe(4)
  looked = 0
  await parts.contents.put('a', bytes('a'))
  expect(looked).toBe(4)
  for (const { find, readConcern } of sent) if (find) expect(readConcern?.level).toBe('majority')
})

test('what is there already, but not confirmed, is unavailable', async () => {
  const { parts } = await open({
    insert: () => ({ ...UNCONFIRMED, n: 0, writeErrors: [THERE] }),
  })
  await expect(parts.keys.create('a', key)).rejects.toBeInstanceOf(Unavailable)
  await expect(parts.contents.put('a', bytes('a'))).rejects.toBeInstanceOf(Unavailable)
})

test('a checkpoint is not moved where documents are not confirmed', async () => {
  const record = { _id: 'things@1', name: 'things', version: 1, collection: 'view_things' }
  const { parts, sent } = await open({
    insert: () => UNCONFIRMED,
    find: ({ find }) =>
      find === 'checkpoints' ? found({ ...record, indexes: '{}', position: -1 }) : undefined,
  })
  const writing = put(parts.views, view, [{ key: 'a', document: { n: 1 }, position: 1n }], 1n)
  await expect(writing).rejects.toBeInstanceOf(Unavailable)
  const written = sent.filter((command) => 'insert' in command || 'update' in command)
  expect(written.map(({ insert }) => String(insert))).toEqual(['view_things'])
  expect(written[0]?.['writeConcern']).toMatchObject({ w: 'majority' })
})
