/** Calls of the OpenAI adapter for its tests: a request that can be varied, and what every failure must keep to. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect } from 'vitest'
import { createOpenAi, type OpenAi } from '../../src/adapters/openai.ts'
import { LlmFailure } from '../../src/ports/llm.ts'
import type { LlmRequest, LlmResult } from '../../src/ports/llm.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

export const PROMPT = 'the secret words of a customer'
export const never = new AbortController().signal

type Change = Partial<Omit<LlmRequest, 'target'>> & { target?: Partial<LlmRequest['target']> }
export interface Calls {
  readonly llm: OpenAi
  readonly upstream: Upstream
  request(change?: Change): LlmRequest
  /** An answer, and the pieces that were heard. */
  complete(change?: Change, signal?: AbortSignal): Promise<LlmResult & { heard: string[] }>
  /** The failure of a call; it holds neither the key nor the prompt. */
  failure(change?: Change, signal?: AbortSignal): Promise<LlmFailure>
  close(): Promise<void>
}

export async function startCalls(): Promise<Calls> {
  const upstream = await startUpstream()
  const llm = createOpenAi()
  const { baseUrl, apiKey } = upstream
  const request = ({ target, ...change }: Change = {}): LlmRequest => ({
    target: { baseUrl, apiKey, model: 'test-model', ...target },
    messages: [{ role: 'user', content: PROMPT }],
    parameters: { max_tokens: 100 },
    timeouts: { connectMs: 5_000, firstByteMs: 5_000, betweenChunksMs: 5_000 },
    ...change,
  })
  return {
    llm,
    upstream,
    request,
    async complete(change, signal = never) {
      const heard: string[] = []
      const result = await llm.complete(request(change), (text) => heard.push(text), signal)
      expect(heard.join('')).toBe(result.text)
      return { ...result, heard }
    },
    async failure(change, signal = never) {
      const outcome: unknown = await llm
        .complete(request(change), () => undefined, signal)
        .then(
          (result) => new Error(`answered ${result.finishReason}`),
          (error: unknown) => error,
        )
      if (!(outcome instanceof LlmFailure)) throw outcome
      expect(outcome.cause).toBeUndefined()
      for (const shown of [outcome.message, outcome.detail]) {
        expect(shown).not.toContain(PROMPT)
        expect(shown).not.toContain(apiKey)
        expect(shown.length).toBeLessThan(200)
      }
      return outcome
    },
    async close() {
      await llm.close()
      await upstream.close()
    },
  }
}

/** A TCP server that says what it likes once it was spoken to. */
export async function bare(
  speak: (socket: Socket) => void,
): Promise<{ server: Server; baseUrl: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => speak(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` }
}
