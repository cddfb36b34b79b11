/**
 * The Vercel AI SDK: a streamed answer that may call a tool on its way.
 *
 *   OPENAI_BASE_URL=http://127.0.0.1:3000/v1 OPENAI_API_KEY=daybook_… node ai-sdk.mjs AGENT "Ask weather about Oslo."
 */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'

const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env
const [agent, prompt] = process.argv.slice(2)
if (!baseURL || !apiKey || !agent || !prompt) {
  process.stderr.write('OPENAI_BASE_URL=… OPENAI_API_KEY=… node ai-sdk.mjs AGENT INPUT\n')
  process.exit(64)
}
const daybook = createOpenAICompatible({ name: 'daybook', baseURL, apiKey, includeUsage: true })

const result = streamText({
  model: daybook(agent),
  prompt,
  // The agent's version allows tools (`allow_tools`).
  tools: {
    weather: tool({
      description: 'The weather of a place',
      inputSchema: z.object({ place: z.string() }),
      execute: ({ place }) => {
        process.stdout.write(`weather was called: ${place}\n`)
        return 'Snow.'
      },
    }),
  },
  stopWhen: stepCountIs(3),
  onError: ({ error }) => {
    process.stderr.write(`${String(error)}\n`)
    process.exitCode = 1
  },
})
for await (const text of result.textStream) process.stdout.write(text)
const { inputTokens, outputTokens } = await result.totalUsage
process.stdout.write(`\n${inputTokens} + ${outputTokens} tokens\n`)
