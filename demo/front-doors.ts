/**
 * What stands in for Paddle and for Telegram: a practice Paddle, which takes no money, and a small Bot
 * API with one person in it. Real HTTP both ways, signed as the real ones sign.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { type PracticePaddle, startPracticePaddle } from '../src/adapters/paddle/practice/server.ts'
import { type Fields, loginKey, query, signedBy } from '../test/support/telegram-login.ts'
import { startTelegram, type TelegramServer } from '../test/support/telegram/server.ts'

export interface FrontDoors {
  readonly paddle: PracticePaddle
  readonly telegram: TelegramServer
  /** What Daybook needs to find both. */
  readonly settings: Readonly<Record<string, string>>
  /** From now on Paddle's notifications go to this Daybook. */
  serve(url: string): void
  close(): Promise<void>
}

/** Of the plan that is sold: paid each month, and credit that is bought once. */
export const MONTHLY_PRICE = 'pri_practice_team_monthly'
export const TOP_UP_PRICE = 'pri_practice_credit'

export async function openFrontDoors(): Promise<FrontDoors> {
  const secret = `pdl_ntfset_practice_${randomBytes(24).toString('hex')}`
  const token = `${randomInt(100_000_000, 999_999_999)}:practice-${randomBytes(16).toString('hex')}`
  const telegram = await startTelegram({ token })
  const paddle = await startPracticePaddle({
    prices: [
      {
        id: MONTHLY_PRICE,
        amount: '2500',
        currency: 'USD',
        cycle: { interval: 'month', frequency: 1 },
      },
      { id: TOP_UP_PRICE, amount: '1000', currency: 'USD' },
    ],
  })
  return {
    paddle,
    telegram,
    settings: {
      BILLING: 'paddle',
      PADDLE_API_URL: paddle.url,
      PADDLE_API_KEY: paddle.apiKey,
      PADDLE_WEBHOOK_SECRET: secret,
      TELEGRAM_BOT_TOKEN: token,
      TELEGRAM_API_URL: telegram.url,
      TELEGRAM_UPDATES: 'polling',
    },
    serve: (url) => paddle.sendTo({ url: `${url}/webhooks/paddle`, secrets: [secret] }),
    async close() {
      await paddle.close()
      await telegram.close()
    },
  }
}

/** The query that Telegram's widget leads a browser back with, signed just now. */
export function widgetQuery(token: string, person: Fields): string {
  const fields = { ...person, auth_date: String(Math.floor(Date.now() / 1_000)) }
  return query(signedBy(loginKey(token), fields))
}
