/** Every operation by name: what the socket of a running server and the stand-alone process know. */
import type { AnyOperation } from '../operation.ts'
import { callOperations } from './calls.ts'
import { auditOperations } from './audit.ts'
import { catalogueOperations } from './catalogue.ts'
import { checkOperations } from './check.ts'
import { logOperations } from './log.ts'
import { moneyOperations } from './money.ts'
import { paddleCheckOperations } from './paddle-check.ts'
import { paddleOperations } from './paddle.ts'
import { peopleOperations } from './people.ts'
import { upkeepOperations } from './upkeep.ts'

export const operations: readonly AnyOperation[] = [
  ...peopleOperations,
  ...catalogueOperations,
  ...moneyOperations,
  ...callOperations,
  ...auditOperations,
  ...logOperations,
  ...upkeepOperations,
  ...checkOperations,
  ...paddleOperations,
  ...paddleCheckOperations,
]
