/**
 * What is generated from the code: the OpenAPI document, the catalogue of events, the example of the
 * configuration. Texts by path; `generate-docs.ts` writes them, a test compares them.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApiDocument } from '../src/api/openapi.ts'
import { type App, createApp } from '../src/app.ts'
import { describeSettings, readConfig } from '../src/config.ts'
import type { Logger } from '../src/ports/logger.ts'
import { projections } from '../src/projections/index.ts'
import { workers } from '../src/workers/index.ts'
import { eventsDocument } from './events-document.ts'

const nobody = () => undefined
const silent: Logger = { debug: nobody, info: nobody, warn: nobody, error: nobody }

export async function documents(): Promise<ReadonlyMap<string, string>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-docs-'))
  try {
    const app = await createApp(readConfig({ DATA_DIR: dataDir }, '/nonexistent/.env'), {
      logger: silent,
    })
    try {
      return new Map([
        ['docs/openapi.json', await openApi(app)],
        ['docs/events.md', eventsDocument(consumers(app))],
        ['.env.example', envExample()],
        ['docs/operations.md', await withSettings('docs/operations.md')],
      ])
    } finally {
      await app.stop()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function openApi({ routes }: App): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return `${JSON.stringify(openApiDocument(routes, version), null, 2)}\n`
}

/** Views and workers by the type of the events that they follow. */
function consumers({ deps }: App): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  const follows = (types: readonly string[], who: string) => {
    for (const type of types) found.set(type, [...(found.get(type) ?? []), who])
  }
  for (const { name, on } of projections) follows(Object.keys(on), `view \`${name}\``)
  for (const { name, on = {} } of workers(deps)) follows(Object.keys(on), `worker \`${name}\``)
  return found
}

/** A document of ours whose table of settings is written from the schema. */
async function withSettings(path: string): Promise<string> {
  const text = await readFile(new URL(`../${path}`, import.meta.url), 'utf8')
  const [before, after] = text.split(/(?<=<!-- settings:[^\n]*-->\n)[\s\S]*(?=<!-- \/settings -->)/)
  if (after === undefined) throw new Error(`${path} has lost the markers of its settings`)
  const rows = describeSettings().map(
    ({ name, description, default: value, secret }) =>
      `| \`${name}\` | ${description.replaceAll('|', '\\|')}${secret ? ' **Secret.**' : ''} | ${value ? `\`${value}\`` : ''} |`,
  )
  return [
    before,
    '| setting | what it is | default |\n|---|---|---|\n',
    ...rows.map((one) => `${one}\n`),
    after,
  ].join('')
}

const WIDTH = 78

function envExample(): string {
  const settings = describeSettings().map(({ name, description, default: value, secret }) => {
    const file = secret ? ` Secret: ${name}_FILE may name a file that holds it.` : ''
    const comment = wrapped(description + file).map((line) => `# ${line}`)
    return [...comment, `#${name}=${value ?? ''}`].join('\n')
  })
  const head = [
    '# Copy to .env and set what differs. What is commented out has the value shown.',
    '# The environment wins over this file. An empty value counts as not set.',
  ]
  return `${[head.join('\n'), ...settings].join('\n\n')}\n`
}

function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
