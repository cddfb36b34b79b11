// What is generated from the code is what is checked in, and every event ever stored can still be read.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { documents } from '../scripts/documents.ts'
import { catalogue } from '../src/domain/catalogue.ts'
import { upcast } from '../src/domain/event.ts'
import { root } from './support/repository.ts'

test('the checked-in documents are those of this code: run `npm run docs`', async () => {
  for (const [path, text] of await documents())
    expect({ path, same: readFileSync(join(root, path), 'utf8') === text }).toEqual({
      path,
      same: true,
    })
})

describe('golden examples', () => {
  const folder = join(root, 'test/golden')
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))

  test.each(files)('%s is read as today’s event', (name) => {
    const golden = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
      type: string
      v: number
      data: Record<string, unknown>
    }
    expect(name).toBe(`${golden.type}.v${golden.v}.json`)
    const definition = catalogue[golden.type]
    expect(definition).toBeDefined()
    if (!definition) return
    const today = upcast(definition, golden.v, golden.data)
    expect(definition.schema.parse(today)).toEqual(today)
  })
})
