/** `seed`, and `model`, `price`, `plan` and `agent publish`. */
import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { OperationFailed } from '../operation.ts'
import type { Layout } from '../print.ts'
import { answer, example } from './command.ts'

const states: Readonly<Record<string, string>> = {
  published: 'published',
  unchanged: 'was so already',
  kept: 'kept as it is',
}

const published: Layout = {
  kind: 'table',
  empty: '',
  columns: [
    { key: 'what', title: 'What' },
    { key: 'name', title: 'Name', flexible: true },
    { key: 'version', title: 'Version', right: true },
    { key: 'state', title: 'State', show: (value) => states[String(value)] ?? String(value) },
  ],
}

export function catalogueCommands(program: Command): void {
  program
    .command('seed')
    .description('publish a dated starter set of models, prices and plans')
    .option('--replace', 'also over what you have published under the same names since')
    .addHelpText(
      'after',
      `
Publishes OpenAI’s models as publicly listed, the practice model, a price list
and the plans free and pro. The figures are dated: check them before you sell.
What is there already is kept.
${example('seed')}`,
    )
    .action((options: { replace?: true }, command: Command) =>
      answer(command, 'seed', { replace: options.replace === true }, published),
    )
  publishing(program.command('model').description('models that can be called'), 'model', MODEL)
  publishing(program.command('price').description('what calls cost'), 'price', PRICE)
  publishing(program.command('plan').description('what organizations subscribe to'), 'plan', PLAN)
  publishing(program.command('agent').description('the platform’s agents'), 'agent', AGENT).option(
    '--label <name>',
    'point this label at the version, such as production',
  )
}

function publishing(noun: Command, name: string, sample: string): Command {
  return noun
    .command('publish')
    .description('publish a JSON file; the same text again changes nothing')
    .argument('<file>', 'path of the file, or - for standard input')
    .addHelpText('after', `\nA file (the body of the administrator’s endpoint):\n${sample}`)
    .action(async (file: string, { label }: { label?: string }, command: Command) => {
      const content = await readJson(file)
      const input = { content, ...(label !== undefined && { label }) }
      await answer(command, `${name}.publish`, input, published)
    })
}

async function readJson(file: string): Promise<unknown> {
  let text: string
  try {
    text = file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8')
  } catch (error) {
    throw new OperationFailed(`${file} cannot be read: ${(error as Error).message}`, 64)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new OperationFailed(`${file} is not JSON: ${(error as Error).message}`, 64)
  }
}

const MODEL = `
{ "name": "gpt-5-mini", "provider": "openai",
  "context_size": 400000, "max_output": 128000, "encoding": "o200k_base",
  "parameters": { "max_tokens": "max_completion_tokens", "temperature": false },
  "framing": { "per_message": 4, "per_request": 4 } }`

const PRICE = `
{ "name": "Starter prices", "source": "openai.com/api/pricing, 2026-01-15",
  "entries": [ { "model": "gpt-5-mini",
    "cost":  { "input_uncached": "0.25", "input_cached": "0.025",
               "output": "2.00", "reasoning": "2.00" },
    "price": { "input_uncached": "0.30", "input_cached": "0.030",
               "output": "2.40", "reasoning": "2.40" } } ] }

Figures are USD per million tokens, in quotation marks.`

const PLAN = `
{ "name": "Team", "slug": "team", "prices": { "price_list": "Starter prices" },
  "included_credit": { "amount": "50.00", "kind": "included", "period": "month" },
  "grace_days": 7, "free": false, "agents": "all",
  "limits": { "requests_per_minute": 600 }, "self_subscribe": true,
  "payment": { "prices": [ { "price_id": "pri_month" }, { "price_id": "pri_year", "times": 12 } ],
               "top_up_prices": [ "pri_ten_dollars" ],
               "credit_per_minor_unit": { "USD": "0.01" } } }

payment is for a payment provider: its ids of prices, and the credit for one cent that is paid.`

const AGENT = `
{ "slug": "translator", "name": "Translator",
  "system_prompt": "Answer with the translation only.",
  "prompt_template": "Translate into {{language}}: {{input}}",
  "variables": [ { "name": "input", "max_length": 10000 },
                 { "name": "language", "max_length": 40 } ] }`
