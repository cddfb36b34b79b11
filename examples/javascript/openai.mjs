/**
 * OpenAI's own library: a streamed answer with its usage, then a tool. Nothing here knows Daybook; only
 * the environment does:
 *
 *   OPENAI_BASE_URL=http://127.0.0.1:3000/v1 OPENAI_API_KEY=daybook_… node openai.mjs AGENT "What is a loom?"
 */
import OpenAI from 'openai'

const [model, input] = process.argv.slice(2)
if (!model || !input) {
  process.stderr.write('OPENAI_BASE_URL=… OPENAI_API_KEY=… node openai.mjs AGENT INPUT\n')
  process.exit(64)
}
const client = new OpenAI()

const stream = await client.chat.completions.create({
  model,
  messages: [{ role: 'user', content: input }],
  stream: true,
  stream_options: { include_usage: true },
})
for await (const { choices, usage } of stream) {
  process.stdout.write(choices[0]?.delta.content ?? '')
  if (usage) process.stdout.write(`\n${usage.prompt_tokens} + ${usage.completion_tokens} tokens\n`)
}

/** The agent's version allows tools (`allow_tools`). */
const runner = client.chat.completions.runTools({
  model,
  messages: [{ role: 'user', content: 'Ask weather about Oslo.' }],
  tools: [
    {
      type: 'function',
      function: {
        name: 'weather',
        description: 'The weather of a place',
        parameters: {
          type: 'object',
          properties: { place: { type: 'string' } },
          required: ['place'],
        },
        parse: JSON.parse,
        function: ({ place }) => {
          process.stdout.write(`weather was called: ${place}\n`)
          return 'Snow.'
        },
      },
    },
  ],
})
process.stdout.write(`${await runner.finalContent()}\n`)
