/** `npm run docs`: writes what is generated from the code, and golden examples that are missing. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { catalogue } from '../src/domain/catalogue.ts'
import { documents } from './documents.ts'
import { exampleOfEvent } from './golden-example.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
  process.stdout.write(`${path}\n`)
}

for (const [path, text] of await documents()) await write(path, text)
for (const [type, { v, schema }] of Object.entries(catalogue)) {
  const path = `test/golden/${type}.v${v}.json`
  if (existsSync(join(root, path))) continue
  const data = exampleOfEvent(type, schema)
  await write(path, `${JSON.stringify({ type, v, data }, null, 2)}\n`)
}
