/**
 * Runs the examples against a server of their own, with the practice model and a fresh key, as a reader
 * would: each must stream an answer, say what it used, and have its tool called. Needs
 * `npm ci --prefix examples/javascript` before. `--python python3` runs the example in Python too, where
 * that interpreter has its requirements.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type DemoServer, startServer } from '../demo/server.ts'

const ADMINISTRATOR = 'ops@example.com'
const AGENT = 'explainer'
const LONGEST_MS = 60_000
const at = (path: string) => fileURLToPath(new URL(`../examples/${path}`, import.meta.url))

interface Example {
  readonly command: string
  readonly path: string
}

async function post(url: string, body: object, token?: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`POST ${url}: ${JSON.stringify(answer)}`)
  return answer
}

/** A program's key for an organization with credit and an agent that allows tools. */
async function keyFor(server: DemoServer): Promise<string> {
  const { url } = server
  const password = randomBytes(18).toString('base64url')
  await server.daybook(['admin', 'create', '--email', ADMINISTRATOR], `${password}\n`)
  await server.daybook(['seed'])
  const { access_token } = await post(`${url}/auth/login`, { email: ADMINISTRATOR, password })
  const token = String(access_token)
  await post(
    `${url}/agents`,
    {
      slug: AGENT,
      name: 'Explainer',
      version: { prompt_template: '{{input}}', max_tokens: 200, allow_tools: true },
    },
    token,
  )
  const terms = { name: 'Examples', scopes: ['invoke'] }
  return String((await post(`${url}/api-keys`, terms, token))['key'])
}

function run({ command, path }: Example, url: string, key: string): Promise<string> {
  const asked = [at(path), AGENT, 'What does weather mean?']
  const child = spawn(command, asked, {
    env: { ...process.env, OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: key },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LONGEST_MS,
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      const missing = ['Practice model', ' tokens\n', 'weather was called: ', 'Snow.'].filter(
        (wanted) => !out.includes(wanted),
      )
      if (code === 0 && missing.length === 0) resolve(out)
      else reject(new Error(`${path}: exit ${code}, without ${JSON.stringify(missing)}:\n${out}`))
    })
  })
}

const { python } = parseArgs({ options: { python: { type: 'string' } } }).values
const examples: Example[] = ['openai', 'ai-sdk', 'langchain'].map((name) => ({
  command: process.execPath,
  path: `javascript/${name}.mjs`,
}))
if (python !== undefined) examples.push({ command: python, path: 'python/chat.py' })

const server = await startServer('embedded')
try {
  const key = await keyFor(server)
  for (const example of examples) {
    const out = await run(example, server.url, key)
    process.stdout.write(`${example.path}\n${out.replaceAll(/^(?=.)/gm, '    ')}`)
  }
} finally {
  await server.stop()
}
