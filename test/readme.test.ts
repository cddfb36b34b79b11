// What the README says to paste works when it is pasted, in order, and what the documents point at is there.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { installation } from './support/command-line.ts'
import { compileCache } from './support/compile-cache.ts'
import { root } from './support/repository.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const TIMEOUT_MS = 60_000

async function paste(script: string, settings: Readonly<Record<string, string>>): Promise<string> {
  const shell = spawn('bash', ['-e', '-o', 'pipefail'], {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...settings,
      ...compileCache,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  shell.stdin.end(script)
  const [out, err, code] = await Promise.all([
    text(shell.stdout),
    text(shell.stderr),
    new Promise((resolve) => shell.once('close', resolve)),
  ])
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
  return out
}

/** What it says to put into .env. */
function toTry(readme: string): Record<string, string> {
  const lines = /```sh\n(PADDLE_[\s\S]*?)```/.exec(readme)?.[1]?.trim().split('\n') ?? []
  return Object.fromEntries(lines.map((line) => line.split('=', 2)))
}

/** The objects among the lines. */
const objects = (out: string): Record<string, unknown>[] =>
  out
    .split('\n')
    .filter((line) => line.startsWith('{"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test(
  'the curl lines of the README, pasted one after another',
  async () => {
    const settings = toTry(read('README.md'))
    const here = await installation({ OPENAI_API_KEY: '', PRACTICE_MODEL: 'on', ...settings })
    try {
      const { url } = await here.startServer()
      expect((await here.daybook('seed')).code).toBe(0)
      const blocks = [...read('README.md').matchAll(/```bash\n([\s\S]*?)```/g)].map(([, b]) => b)
      expect(blocks.length).toBeGreaterThan(8)
      const script = blocks.join('\n').replace('http://127.0.0.1:3000', url)
      expect(script).toContain(url)
      const out = await paste(script, { DATA_DIR: here.dataDir, ...settings })
      const found = objects(out)
      // Nothing is refused but what the text says is refused, and that in the language it says.
      const refused = found.filter(({ code }) => code !== undefined)
      expect(refused.map(({ code }) => code)).toEqual(['input_required', 'user_deactivated'])
      expect(refused[0]?.['title']).toMatch(/[а-я]/)
      expect(found.find(({ email }) => email !== undefined)).toMatchObject({ email_verified: true })
      expect(found.filter(({ status }) => status === 'canceled')).toHaveLength(1)
      const answers = found.filter((one) => one['balance_after'] !== undefined && !one['position'])
      expect(answers).toHaveLength(3)
      expect(answers[1]).toEqual(answers[2])
      const rendered = found.filter((one) => one['messages'] !== undefined)
      expect(rendered).toHaveLength(2)
      expect(rendered[0]?.['messages']).toEqual(rendered[1]?.['messages'])
      expect(out.match(/^event: done$/gm)).toHaveLength(2)
      expect(out).toContain('"endpoint":"/agents/{agent_id}/invoke"')
      expect(out).toContain('"group_by":"model"')
      expect(out).toContain('"kind":"charge"')
      expect(out).toContain('"email_provisional":true')
      expect(out).toContain('"kind":"revocation"')
      expect(found).toContainEqual(expect.objectContaining({ effect: 'deny' }))
    } finally {
      await here.remove()
    }
  },
  TIMEOUT_MS,
)

const inFolder = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((one) => one.isFile() && one.name.endsWith('.md'))
    .map((one) => join(folder, one.name))

test.each([...inFolder('.'), ...inFolder('docs'), ...inFolder('docs/decisions')])(
  '%s links only to what is there',
  (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)]
    const missing = links
      .map(([, link = '']) => join(dirname(path), link))
      .filter((target) => !existsSync(join(root, target)))
    expect(missing).toEqual([])
  },
)

test('every npm script that a document names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const path of [...inFolder('.'), ...inFolder('docs')])
    for (const [, name = ''] of read(path).matchAll(/npm run (?:-s )?([a-z:]+)/g))
      expect(scripts, path).toHaveProperty([name])
})
