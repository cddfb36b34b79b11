// Prints what Telegram's login widget would lead a browser back with, signed with TELEGRAM_BOT_TOKEN (of the
// environment, or of .env), to try signing in without a bot. Whoever has the token can do this: guard it.
//   node examples/telegram-login.mjs [user id] [username]
import { createHash, createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'

if (process.env.TELEGRAM_BOT_TOKEN === undefined && existsSync('.env')) process.loadEnvFile('.env')
const { TELEGRAM_BOT_TOKEN: token } = process.env
if (!token) throw new Error('TELEGRAM_BOT_TOKEN is not set')

const [id = '4210000001', username = 'charles'] = process.argv.slice(2)
const authDate = String(Math.floor(Date.now() / 1_000))
const fields = { id, first_name: 'Charles', username, auth_date: authDate }
const lines = Object.entries(fields)
  .map(([name, value]) => `${name}=${value}`)
  .sort()
const key = createHash('sha256').update(token).digest()
const hash = createHmac('sha256', key).update(lines.join('\n')).digest('hex')
process.stdout.write(`${new URLSearchParams({ ...fields, hash })}\n`)
