// A server killed at any point of what people do about themselves leaves nothing half done: a restart and a repeat of the request give one effect and its answer.
import { embedded } from '../support/kill-engines.ts'
import { killAtEveryPoint } from './killing.ts'
import { peopleFlows } from './people-flows.ts'
import { telegramFlows } from './telegram-flows.ts'

// Beside the others: one file would run for as long as half of all tests.
killAtEveryPoint(embedded, [...peopleFlows, ...telegramFlows], [])
