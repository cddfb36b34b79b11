/**
 * The page that a practice checkout's address leads to: an address, one button that pays, one
 * that is declined.
 */
import type { ServerResponse } from 'node:http'
import { decimalOfMinor } from '../../../domain/payment/minor.ts'
import type { PracticeAccount } from './account.ts'
import { PracticeRefusal } from './books.ts'
import type { Asked } from './routes.ts'

const ID = /^txn_[A-Za-z0-9_-]{1,90}$/

export function payPage(account: PracticeAccount, asked: Asked, response: ServerResponse): void {
  const id = asked.query.get('_ptxn') ?? ''
  try {
    if (!ID.test(id)) throw new PracticeRefusal(404, 'not_found')
    const { details } = account.books.transaction(id)
    if (asked.method === 'POST') {
      const form = new URLSearchParams(asked.text)
      if (form.get('do') === 'decline') account.declineCheckout(id)
      else account.pay(id, form.get('email') || undefined)
    }
    const { total, currency_code: currency } = details.totals
    const { status } = account.books.transaction(id)
    show(
      response,
      200,
      `${decimalOfMinor(total, currency)} ${currency}, ${status}`,
      status !== 'completed',
    )
  } catch (error) {
    if (!(error instanceof PracticeRefusal)) throw error
    show(response, error.status, 'There is nothing to pay here.', false)
  }
}

function show(response: ServerResponse, status: number, said: string, payable: boolean): void {
  const form =
    '<form method="post"><label>E-mail <input name="email" type="email"></label> ' +
    '<button name="do" value="pay">Pay</button> ' +
    '<button name="do" value="decline">Be declined</button></form>'
  response
    .writeHead(status, { 'content-type': 'text/html; charset=utf-8' })
    .end(
      `<!doctype html><title>Practice checkout</title><h1>Practice checkout</h1>` +
        `<p>No money is taken. ${said}.</p>${payable ? form : ''}`,
    )
}
