/**
 * Where each of the checks S-01 to S-112 is that does not stand in a title of the tests beside this file:
 * proved by a test elsewhere, or about what does not exist yet. complete.test.ts sees that none is missing.
 */

export const FIRST = 1
export const LAST = 112

export interface Proof {
  /** Below test/. */
  readonly file: string
  /** As it stands there. */
  readonly title: string
}

const proof = (file: string, title: string): Proof => ({ file, title })

/** Proved where the feature itself is tested. */
export const elsewhere: Readonly<Record<number, readonly Proof[]>> = {
  16: [
    proof('api/me/success.test.ts', 'changes the address: the old one is free, both hear of it'),
    proof(
      'api/auth/races.test.ts',
      'a token presented after that ends the whole family, and its owner hears of it',
    ),
    proof('workers/send-mails.test.ts', 'about another address goes to the old and to the new one'),
    proof(
      'workers/send-mails.test.ts',
      'Telegram that comes or goes is told to whoever has an address',
    ),
  ],
  29: [
    proof(
      'engines/distributed/processes.test.ts',
      'a session that ended in one is refused by the other within a second',
    ),
  ],
  30: [
    proof(
      'engines/distributed/processes.test.ts',
      'a member who was removed in one is a stranger in the other within a second',
    ),
    proof('security/matrix.test.ts', 'gets through no route, and leaves nothing'),
  ],
  48: [
    proof('api/foreign-ids.test.ts', 'every route with an id'),
    proof('security/tenants.test.ts', 'filters by somebody else’s ids show nothing'),
  ],
  58: [
    proof('api/organizations/refused.test.ts', 'a token of last week'),
    proof(
      'api/organizations/refused.test.ts',
      'a token that was made up, and one of another address',
    ),
    proof('api/organizations/success.test.ts', 'one that was taken back is of no use'),
  ],
  59: [
    proof('api/organizations/refused.test.ts', 'the only owner neither leaves nor becomes less'),
    proof(
      'api/organizations/refused.test.ts',
      'two owners who remove each other at once leave exactly one',
    ),
  ],
  74: [
    proof('api/idempotency.test.ts', 'is not another wish'),
    proof('api/invocations/keys.test.ts', 'with another body is refused'),
  ],
  75: [
    proof(
      'api/invocations/keys.test.ts',
      'twenty times in parallel, later and after a restart gets one answer',
    ),
  ],
  76: [proof('security/tenants.test.ts', 'an Idempotency-Key of somebody else is nobody’s')],
  82: [proof('api/usage/200.test.ts', 'streams calls as rows that no spreadsheet runs')],
  92: [
    proof('api/server/door.test.ts', 'a defect answers 500 with its text hidden, and is logged'),
  ],
  93: [
    proof('security/canary.test.ts', 'nothing of it is anywhere'),
    proof('security/canary.test.ts', 'no answer tells what the provider says of the seller'),
  ],
  99: [
    proof(
      'engines/distributed/event-store-opening.test.ts',
      'whose certificate nobody vouches for is refused at once',
    ),
    proof(
      'engines/distributed/event-store-opening.test.ts',
      'that would not have certificates checked is refused',
    ),
  ],
}

/** What they are about is not there: whoever builds it writes them. */
export const notThereYet: Readonly<Record<number, string>> = {
  112: 'an audit export that is signed',
}

/** What shows that it is there after all, and that its checks are due: a folder or a file of src/. */
export const dueWith: Readonly<Record<string, RegExp>> = {
  'an audit export that is signed': /^src\/(api|commands)\/audit\/(export|checkpoint)/,
}
