/**
 * A real Chromium over its DevTools protocol, as far as tests of pages need it: opening, typing, clicking
 * with the mouse, looking, and what the page asked for and complained of meanwhile. No package: Node
 * speaks WebSocket.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { said } from './command-line.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

const chromium = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path))

const REFUSED = 'Failed to load resource: the server responded'
const ANSWER_WITHIN_MS = 20_000

/** Why tests that need a browser are left out; undefined: it is there. */
export const noBrowser = chromium === undefined ? 'left out: Chromium is not installed' : undefined

type Json = Readonly<Record<string, unknown>>
type Listener = (parameters: Json) => void

export interface PageOptions {
  readonly javascript?: boolean
  /** Accept-Language */
  readonly language?: string
  readonly width?: number
  readonly dark?: boolean
  /** Answers for addresses of others, which no test reaches: by the beginning of the address. */
  readonly elsewhere?: Readonly<Record<string, string>>
}

export interface Page {
  /** The status of the document. */
  open(url: string): Promise<number>
  type(selector: string, text: string): Promise<void>
  /** Clicks with the mouse and waits for the next document; answers its status. */
  click(selector: string): Promise<number>
  /** What an expression is on the page. */
  look<T>(expression: string): Promise<T>
  text(): Promise<string>
  screenshot(path: string): Promise<void>
  /** Addresses of everything that was asked for. */
  readonly requested: readonly string[]
  /** Every Referer that was sent. */
  readonly referers: readonly string[]
  /** Errors of the console, and violations of the page's policy. */
  readonly complaints: readonly string[]
  close(): Promise<void>
}

export interface Browser {
  page(options?: PageOptions): Promise<Page>
  close(): Promise<void>
}

export async function openBrowser(): Promise<Browser> {
  if (chromium === undefined) throw new Error('Chromium is not installed')
  const profile = await mkdtemp(join(tmpdir(), 'daybook-browser-'))
  const child = spawn(
    chromium,
    [
      '--headless=new',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      // As root in a container there is no other way, and it shows our own pages only.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--no-first-run',
      'about:blank',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const end = async () => {
    child.kill('SIGKILL')
    await ended
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const wire = await connect(await said(child, /DevTools listening on (ws:\S+)/))
    return {
      page: (options) => openPage(wire, options ?? {}),
      async close() {
        wire.close()
        await end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}

interface Wire {
  ask(method: string, parameters?: Json, sessionId?: string): Promise<Json>
  on(sessionId: string, method: string, listener: Listener): void
  close(): void
}

async function connect(url: string): Promise<Wire> {
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const waiting = new Map<number, { resolve: (value: Json) => void; reject: (e: Error) => void }>()
  const listeners = new Map<string, Listener[]>()
  let last = 0
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Json
    const { id, method, sessionId, params, result, error } = message
    if (typeof id === 'number') {
      const one = waiting.get(id)
      waiting.delete(id)
      if (error) one?.reject(new Error(JSON.stringify(error)))
      else one?.resolve(result as Json)
    } else
      for (const hear of listeners.get(`${String(sessionId)} ${String(method)}`) ?? [])
        hear(params as Json)
  })
  return {
    ask(method, params = {}, sessionId) {
      const id = ++last
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        socket.send(JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) }))
      })
    },
    on(sessionId, method, listener) {
      const name = `${sessionId} ${method}`
      listeners.set(name, [...(listeners.get(name) ?? []), listener])
    },
    close: () => socket.close(),
  }
}

async function openPage(wire: Wire, options: PageOptions): Promise<Page> {
  const { targetId } = await wire.ask('Target.createTarget', { url: 'about:blank' })
  const attached = await wire.ask('Target.attachToTarget', { targetId, flatten: true })
  const sessionId = String(attached['sessionId'])
  const ask = (method: string, parameters?: Json) => wire.ask(method, parameters, sessionId)
  const on = (method: string, listener: Listener) => wire.on(sessionId, method, listener)
  const heard = listen(on)
  for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Audits', 'DOM'])
    await ask(`${domain}.enable`)
  await dress(ask, options)
  await answerFor(ask, on, options.elsewhere ?? {})

  const loaded = (begin: () => Promise<unknown>) => heard.nextDocument(begin)
  const look = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await ask('Runtime.evaluate', {
      expression,
      returnByValue: true,
    })
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails))
    return (result as { readonly value: T }).value
  }
  return {
    ...heard.seen,
    look,
    open: (url) => loaded(() => ask('Page.navigate', { url })),
    async type(selector, text) {
      const { root } = (await ask('DOM.getDocument')) as {
        readonly root: { readonly nodeId: number }
      }
      const { nodeId } = await ask('DOM.querySelector', { nodeId: root.nodeId, selector })
      await ask('DOM.focus', { nodeId })
      await ask('Input.insertText', { text })
    },
    async click(selector) {
      const place = await look<{ x: number; y: number }>(`(() => {
        const one = document.querySelector(${JSON.stringify(selector)})
        one.scrollIntoView({ block: 'center' })
        const { x, y, width, height } = one.getBoundingClientRect()
        return { x: x + width / 2, y: y + height / 2 }
      })()`)
      const mouse = { ...place, button: 'left', clickCount: 1 }
      return loaded(async () => {
        await ask('Input.dispatchMouseEvent', { type: 'mousePressed', ...mouse })
        await ask('Input.dispatchMouseEvent', { type: 'mouseReleased', ...mouse })
      })
    },
    text: () => look('document.querySelector("main").innerText'),
    async screenshot(path) {
      const shot = await ask('Page.captureScreenshot', { captureBeyondViewport: true })
      await writeFile(path, Buffer.from(String(shot['data']), 'base64'))
    },
    close: async () => void (await wire.ask('Target.closeTarget', { targetId })),
  }
}

type Ask = (method: string, parameters?: Json) => Promise<Json>
type On = (method: string, listener: Listener) => void

/** Takes down what the page does from now on. */
function listen(on: On) {
  const requested: string[] = []
  const referers: string[] = []
  const complaints: string[] = []
  let status = 0
  let arrived: (() => void) | undefined
  on('Network.requestWillBeSent', ({ request }) => {
    requested.push((request as { readonly url: string }).url)
  })
  on('Network.requestWillBeSentExtraInfo', ({ headers }) => {
    const { Referer } = headers as { readonly Referer?: string }
    if (Referer !== undefined) referers.push(Referer)
  })
  on('Network.responseReceived', ({ type, response }) => {
    if (type === 'Document') ({ status } = response as { readonly status: number })
  })
  on('Log.entryAdded', ({ entry }) => {
    const { level, text } = entry as { readonly level: string; readonly text: string }
    // The browser notes every answer above 399, which a refusal shown as a page is.
    if (level === 'error' && !text.startsWith(REFUSED)) complaints.push(text)
  })
  on('Runtime.exceptionThrown', (one) => complaints.push(JSON.stringify(one)))
  on('Runtime.consoleAPICalled', ({ type, args }) => {
    if (type === 'error') complaints.push(JSON.stringify(args))
  })
  on('Audits.issueAdded', ({ issue }) => {
    const { code, details } = issue as { readonly code: string; readonly details: unknown }
    complaints.push(`${code} ${JSON.stringify(details)}`)
  })
  on('Page.loadEventFired', () => arrived?.())
  return {
    seen: { requested, referers, complaints },
    async nextDocument(begin: () => Promise<unknown>): Promise<number> {
      const timer = AbortSignal.timeout(ANSWER_WITHIN_MS)
      const arrival = new Promise<void>((resolve, reject) => {
        arrived = resolve
        timer.addEventListener('abort', () => reject(new Error('no document came')))
      })
      await begin()
      await arrival
      return status
    },
  }
}

/** How the person has set up their browser. */
async function dress(ask: Ask, options: PageOptions): Promise<void> {
  const { javascript = true, language = 'en', width = 800, dark = false } = options
  await ask('Emulation.setScriptExecutionDisabled', { value: !javascript })
  await ask('Network.setExtraHTTPHeaders', { headers: { 'Accept-Language': language } })
  await ask('Emulation.setDeviceMetricsOverride', {
    width,
    height: 720,
    deviceScaleFactor: 1,
    mobile: width < 600,
  })
  const scheme = { name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }
  await ask('Emulation.setEmulatedMedia', { features: [scheme] })
}

async function answerFor(ask: Ask, on: On, elsewhere: Readonly<Record<string, string>>) {
  const addresses = Object.keys(elsewhere)
  if (addresses.length === 0) return
  on('Fetch.requestPaused', ({ requestId, request }) => {
    const { url } = request as { readonly url: string }
    const found = addresses.find((address) => url.startsWith(address)) ?? ''
    const type = found.endsWith('.js') ? 'text/javascript' : 'text/html'
    void ask('Fetch.fulfillRequest', {
      requestId,
      responseCode: 200,
      responseHeaders: [{ name: 'content-type', value: type }],
      body: Buffer.from(elsewhere[found] ?? '').toString('base64'),
    })
  })
  await ask('Fetch.enable', { patterns: addresses.map((one) => ({ urlPattern: `${one}*` })) })
}
