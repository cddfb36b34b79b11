// A server killed at any point between an update of Telegram and its end: one effect, one charge, and an answer that comes at least once.
import { embedded } from '../support/kill-engines.ts'
import { killUpdates } from './updates.ts'

killUpdates(embedded)
