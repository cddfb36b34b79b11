// On servers, too, a server killed at any point of the Paddle, Telegram, bot and mail flows leaves nothing half done: whoever comes after it ends with one effect and its answer.
import { describe } from 'vitest'
import { killCheckouts } from '../kill/checkouts.ts'
import { recoveries } from '../kill/flows.ts'
import { killAtEveryPoint } from '../kill/killing.ts'
import { killMails } from '../kill/mails.ts'
import { paddleFlows, paying } from '../kill/paddle-flows.ts'
import { telegramFlows } from '../kill/telegram-flows.ts'
import { killUpdates } from '../kill/updates.ts'
import { needs } from '../support/distributed.ts'
import { distributed } from '../support/kill-engines.ts'

needs(['MONGODB_URL', 'REDIS_URL'])('kills on servers', () => {
  describe('of what Paddle tells', () => {
    const ofPaddle = recoveries.filter(({ flow }) => flow === paying)
    killAtEveryPoint(distributed, paddleFlows, ofPaddle)
  })
  describe('of a checkout', () => killCheckouts(distributed))
  describe('of mail', () => killMails(distributed))
  describe('of Telegram accounts', () => killAtEveryPoint(distributed, telegramFlows, []))
  describe('of the bot', () => killUpdates(distributed))
})
