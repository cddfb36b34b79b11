/** The settings of the business's front doors: Paddle, Telegram and mail. */
import { z } from 'zod'
import { secret, secretText, server, url, whole } from './config-fields.ts'

/** One line; the name needs no quotation marks of its own. */
const SENDER =
  /^(?:[^\p{Cc}\p{Zl}\p{Zp}<>"]{0,100}<(?=[^>]{3,254}>)[\w.+-]{1,64}@[a-z0-9][a-z0-9.-]*[a-z0-9]>|(?=.{3,254}$)[\w.+-]{1,64}@[a-z0-9][a-z0-9.-]*[a-z0-9])$/iu

export const doorSettings = {
  PADDLE_ENVIRONMENT: z
    .enum(['sandbox', 'live'])
    .default('sandbox')
    .meta({ description: "Which of Paddle's two worlds the key and the secrets are of." }),
  PADDLE_API_KEY: secretText("Paddle's API key."),
  PADDLE_API_URL: url.optional().meta({
    description: "Another address of Paddle's API than that of PADDLE_ENVIRONMENT: a stand-in.",
  }),
  PADDLE_WEBHOOK_SECRET: secretText(
    'Signs what Paddle sends to /webhooks/paddle: endpoint_secret_key of the notification destination.',
  ),
  PADDLE_WEBHOOK_SECRET_OTHER: secretText(
    'Accepted too, while the secret is replaced: the next one, or the last.',
  ),
  PADDLE_WEBHOOK_SECONDS: whole(
    'How old a notification may be; its clock may be as far ahead, but never more than 30 s.',
    5,
    1,
    600,
  ),
  TELEGRAM_BOT_TOKEN: secretText('Token of the bot: sign-in by Telegram, and the bot itself.'),
  TELEGRAM_API_URL: url.default('https://api.telegram.org').meta({
    description: 'Where the Bot API is: a local Bot API server, or a stand-in.',
  }),
  TELEGRAM_UPDATES: z
    .enum(['polling', 'webhook', 'off'])
    .default('polling')
    .meta({
      description:
        'How the bot hears what people write. webhook: POST /webhooks/telegram at PUBLIC_URL, which must ' +
        'be https. off: sign-in only.',
    }),
  TELEGRAM_WEBHOOK_SECRET: z
    .string()
    .regex(/^[A-Za-z0-9_-]{16,256}$/, '16 to 256 of A-Z, a-z, 0-9, _ and -')
    .optional()
    .meta({ description: 'Telegram sends it with every update to the webhook.', ...secret }),
  TELEGRAM_LOGIN_SECONDS: whole(
    'How old the signed data of a Telegram sign-in may be.',
    300,
    30,
    86_400,
  ),
  TELEGRAM_TOKENS: z
    .enum(['code', 'fragment', 'query'])
    .default('code')
    .meta({
      description:
        'How DASHBOARD_URL gets the tokens of a Telegram sign-in. code: a code in the query, good once for a ' +
        'minute at POST /auth/telegram/exchange. fragment, query: the tokens themselves, which then stand ' +
        'in histories, and for query also in logs and referrers.',
    }),
  TELEGRAM_SUBSCRIBE: z.enum(['on', 'off']).default('off').meta({
    description:
      'Whether the bot offers /subscribe. Telegram wants digital goods in its apps paid in its own Stars.',
  }),
  TELEGRAM_MESSAGES_PER_MINUTE: whole(
    'What the bot takes of one sender; more is lost before it is stored. Of a group four times as much.',
    30,
    1,
    1_000,
  ),
  TELEGRAM_MESSAGES_PER_DAY: whole('The same for a day.', 2_000, 1, 100_000),
  TELEGRAM_STRANGER_MESSAGES_PER_DAY: whole(
    'The same for a day, of senders who have no account here.',
    100,
    1,
    100_000,
  ),
  MAIL_URL: server('smtp', 'smtps').meta({
    description:
      'Mail server: smtp://user:password@host:587 or smtps://host:465. Not set: every mail becomes a ' +
      'file in DATA_DIR/mail.',
    ...secret,
  }),
  MAIL_FROM: z
    .string()
    .regex(SENDER, 'an address, or a name and an address: Daybook <mail@example.com>')
    .default('Daybook <daybook@localhost>')
    .meta({ description: 'Sender of mails.' }),
  MAIL_LINKS_IN_LOG: z.enum(['on', 'off']).default('off').meta({
    description:
      'Prints the links of mails that become files to the log. They open accounts: for development only.',
  }),
}

/** What follows the port could turn the check of certificates off. */
function isMailServer(text: string): boolean {
  const found = URL.canParse(text) ? new URL(text) : undefined
  if (!found || found.hostname === '') return false
  return /^\/?$/.test(found.pathname + found.search + found.hash)
}

/** What the front doors need of each other. */
export function doorProblems(given: Readonly<Record<string, string>>): string[] {
  const { BILLING, TELEGRAM_UPDATES, PUBLIC_URL, MAIL_URL, MAIL_FROM } = given
  const missing = (names: readonly string[], why: string) =>
    names.filter((name) => given[name] === undefined).map((name) => `${name}: required with ${why}`)
  return [
    ...(BILLING === 'paddle'
      ? missing(['PADDLE_API_KEY', 'PADDLE_WEBHOOK_SECRET'], 'BILLING=paddle')
      : []),
    ...(TELEGRAM_UPDATES === 'webhook'
      ? missing(
          ['TELEGRAM_BOT_TOKEN', 'TELEGRAM_WEBHOOK_SECRET', 'PUBLIC_URL'],
          'TELEGRAM_UPDATES=webhook',
        )
      : []),
    ...(TELEGRAM_UPDATES === 'webhook' &&
    PUBLIC_URL !== undefined &&
    !PUBLIC_URL.startsWith('https:')
      ? ['PUBLIC_URL: Telegram sends updates to https only']
      : []),
    ...(MAIL_URL !== undefined && MAIL_FROM === undefined
      ? missing(['MAIL_FROM'], 'MAIL_URL')
      : []),
    ...(MAIL_URL !== undefined && !isMailServer(MAIL_URL)
      ? [
          'MAIL_URL: a host and perhaps a port, as in smtp://user:password@host:587, and nothing after it',
        ]
      : []),
  ]
}
