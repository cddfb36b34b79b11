/**
 * Signs in, invokes an agent and prints its answer while it is produced. Node 20 or later:
 *
 *   EMAIL=ada@example.com PASSWORD=… node examples/stream.mjs AGENT "What is a loom?" '{"audience":"children"}'
 *
 * API is the server (http://127.0.0.1:3000 where left out), ORGANIZATION yours, where you have several.
 */
import { stream } from './events.js'

const { API: api = 'http://127.0.0.1:3000', EMAIL, PASSWORD, ORGANIZATION } = process.env
const [agent, input, variables = '{}'] = process.argv.slice(2)
if (!EMAIL || !PASSWORD || !agent || !input) {
  process.stderr.write('EMAIL=… PASSWORD=… node examples/stream.mjs AGENT INPUT [VARIABLES]\n')
  process.exit(64)
}

const signIn = await fetch(`${api}/auth/login`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
})
const answer = await signIn.json()
if (!signIn.ok) {
  process.stderr.write(`${answer.title}. ${answer.detail}\n`)
  process.exit(1)
}

try {
  const done = await stream({
    api,
    token: answer.access_token,
    organization: ORGANIZATION,
    agent,
    body: { input, variables: JSON.parse(variables) },
    onText: (text) => process.stdout.write(text),
  })
  const { cost, balance_after: balance } = done
  process.stdout.write(`\n\ncost ${cost.amount} ${cost.currency}, balance ${balance.amount}\n`)
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
