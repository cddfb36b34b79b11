/**
 * What only time, the customer or the bank can do at the real Paddle, over HTTP at the practice one:
 * `POST /practice/{id}/{what}`. For whoever plays a lifecycle against a dashboard of their own.
 */
import type { PracticeAccount } from './account.ts'
import { PracticeRefusal } from './books.ts'

type Control = (account: PracticeAccount, id: string) => unknown

const controls: Readonly<Record<string, Control>> = {
  'txn pay': (account, id) => account.pay(id),
  'txn decline': (account, id) => account.declineCheckout(id),
  'txn refund': (account, id) => account.refund(id),
  'txn chargeback': (account, id) => account.chargeback(id),
  'sub renew': (account, id) => account.renew(id),
  'sub fail': (account, id) => account.renew(id, { fails: true }),
  'sub recover': (account, id) => account.recover(id),
  'sub resume': (account, id) => account.resume(id),
  'adj approve': (account, id) => account.decide(id, 'approved'),
  'adj reject': (account, id) => account.decide(id, 'rejected'),
  'adj reverse': (account, id) => account.reverseChargeback(id),
}

/** `/practice/sub_…/renew`. Answers the id of what was made, where something was. */
export function control(account: PracticeAccount, path: string): { readonly id: string } {
  const [, , id = '', what = ''] = path.split('/')
  const name = `${id.split('_', 1)[0]} ${what}`
  const found = Object.hasOwn(controls, name) ? controls[name] : undefined
  if (!found) throw new PracticeRefusal(404, 'invalid_url')
  const made = found(account, id)
  return { id: typeof made === 'string' ? made : id }
}
