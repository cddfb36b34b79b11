// A server killed at any point of any flow leaves nothing half done: a restart and a repeat of the request give one effect and its answer.
import { embedded } from '../support/kill-engines.ts'
import { callFlows } from './call-flows.ts'
import { recoveries } from './flows.ts'
import { killAtEveryPoint } from './killing.ts'
import { paddleFlows } from './paddle-flows.ts'

killAtEveryPoint(embedded, [...paddleFlows, ...callFlows], recoveries)
