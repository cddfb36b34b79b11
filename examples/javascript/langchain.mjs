/**
 * LangChain JS: a streamed answer, then a tool with its answer in the conversation.
 *
 *   OPENAI_BASE_URL=http://127.0.0.1:3000/v1 OPENAI_API_KEY=daybook_… node langchain.mjs AGENT "What is a loom?"
 */
import { HumanMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { z } from 'zod'

const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env
const [agent, input] = process.argv.slice(2)
if (!baseURL || !apiKey || !agent || !input) {
  process.stderr.write('OPENAI_BASE_URL=… OPENAI_API_KEY=… node langchain.mjs AGENT INPUT\n')
  process.exit(64)
}
const chat = new ChatOpenAI({ model: agent, apiKey, configuration: { baseURL } })

let whole
for await (const chunk of await chat.stream([new HumanMessage(input)])) {
  process.stdout.write(chunk.text)
  whole = whole ? whole.concat(chunk) : chunk
}
const { input_tokens: prompt, output_tokens: completion } = whole.usage_metadata
process.stdout.write(`\n${prompt} + ${completion} tokens\n`)

/** The agent's version allows tools (`allow_tools`). */
const weather = tool(
  ({ place }) => {
    process.stdout.write(`weather was called: ${place}\n`)
    return 'Snow.'
  },
  {
    name: 'weather',
    description: 'The weather of a place',
    schema: z.object({ place: z.string() }),
  },
)
const withTools = chat.bindTools([weather])
const turns = [new HumanMessage('Ask weather about Oslo.')]
const asked = await withTools.invoke(turns)
turns.push(asked)
for (const call of asked.tool_calls ?? []) turns.push(await weather.invoke(call))
process.stdout.write(`${(await withTools.invoke(turns)).text}\n`)
