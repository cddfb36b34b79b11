/** `credit grant` and `charge adjust`: what an administrator may do to an account. */
import { z } from 'zod'
import { adjustCharge } from '../../commands/account/adjust-charge.ts'
import { grantCredit } from '../../commands/account/grant-credit.ts'
import { amountBody, correctionBody } from '../../commands/amount.ts'
import { idSchema } from '../../domain/ids.ts'
import { decimalFromNanos } from '../../domain/money.ts'
import { operation, OperationFailed } from '../operation.ts'
import { operatorRoot } from './operator.ts'

const reason = z.string().trim().min(1, 'say why').max(500)

const creditGrant = operation({
  name: 'credit.grant',
  input: z.strictObject({
    organization: idSchema('organization'),
    amount: amountBody,
    reason,
    kind: z.enum(['promotional', 'paid']),
    expires: z
      .union([
        z.iso.date().transform((day) => `${day}T00:00:00.000Z`),
        z.iso.datetime().transform((time) => new Date(time).toISOString()),
      ])
      .optional(),
  }),
  async run({ deps }, input, tell) {
    const root = operatorRoot(deps)
    const { organization: orgId, kind, expires } = input
    if (expires !== undefined && expires <= root.at)
      throw new OperationFailed(`expires: ${expires} has passed`, 64)
    const granted = await grantCredit(deps, root, {
      orgId,
      amountNanos: BigInt(input.amount),
      kind,
      reason: input.reason,
      ...(expires !== undefined && { expiresAt: expires }),
    })
    tell({
      kind: 'row',
      row: {
        organization: orgId,
        lot_id: granted.lotId,
        granted: decimalFromNanos(BigInt(input.amount)),
        ...(expires !== undefined && { expires_at: expires }),
        balance: decimalFromNanos(granted.balanceNanos),
        available: decimalFromNanos(granted.availableNanos),
      },
    })
  },
})

const chargeAdjust = operation({
  name: 'charge.adjust',
  input: z.strictObject({ invocation: idSchema('invocation'), amount: correctionBody, reason }),
  async run({ deps }, input, tell) {
    const corrected = await adjustCharge(deps, operatorRoot(deps), {
      invocationId: input.invocation,
      amountNanos: BigInt(input.amount),
      reason: input.reason,
    })
    tell({
      kind: 'row',
      row: {
        invocation_id: input.invocation,
        organization: corrected.orgId,
        adjustment_id: corrected.adjustmentId,
        adjusted: decimalFromNanos(BigInt(input.amount)),
        charge: decimalFromNanos(corrected.chargeNanos),
        balance: decimalFromNanos(corrected.balanceNanos),
        available: decimalFromNanos(corrected.availableNanos),
      },
    })
  },
})

export const moneyOperations = [creditGrant, chargeAdjust]
