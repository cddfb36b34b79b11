// Mails that lie as files outlast neither their person nor a week, and files of others stay.
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expireMails, KEPT_MS } from '../../src/workers/expire-mails.ts'
import { listMails } from '../../src/projections/mails.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { newPerson } from '../support/people.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const { signal } = new AbortController()
const folder = () => join(app.dataDir, 'mail')
const files = async (): Promise<string[]> => (await readdir(folder())).toSorted()

/** The file of the first mail to somebody. */
async function written(userId: string): Promise<string> {
  let name = ''
  const there = async () => {
    const { items } = await listMails(app.app.deps.views, { limit: 100, state: 'sent' })
    name = `${items.find(({ subjectId }) => subjectId === userId)?.mailId}.eml`
    return (await files().catch((): string[] => [])).includes(name)
  }
  await expect.poll(there, { timeout: 10_000 }).toBe(true)
  return name
}

test('the files of whoever is erased go, then all that are a week old', async () => {
  const { deps, engine } = app.app
  const [ada, bob] = [await newPerson(app), await newPerson(app)]
  const [first, second] = [await written(ada.userId), await written(bob.userId)]
  await writeFile(join(folder(), 'notes.txt'), 'mine')
  await writeFile(join(folder(), `${second}.4711.part`), 'begun')

  expect(await expireMails(deps).run(signal)).toBe(0)
  for (const key of await engine.keys.list({ prefix: '', limit: 1_000 }))
    if (key.includes(ada.userId)) await deps.sealer.destroy(key)
  expect(await expireMails(deps).run(signal)).toBe(1)
  expect(await files()).toEqual([second, `${second}.4711.part`, 'notes.txt'].toSorted())
  expect(await files()).not.toContain(first)

  const later = { ...deps.clock, now: () => new Date(Date.now() + KEPT_MS) }
  await expireMails({ ...deps, clock: later }).run(signal)
  expect(await files()).toEqual(['notes.txt'])
})

test('a folder that is not there is nothing to do', async () => {
  const other = await startTestApp({ MAIL_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'a@example.org' })
  expect(await expireMails(other.app.deps).run(signal)).toBe(0)
  await other.stop()
})
