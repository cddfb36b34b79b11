// One intent is one mail with one outcome, and a link's token is good only for what it was made for.
import { describe, expect, test } from 'vitest'
import type { MailEvent } from '../../../src/domain/mail/events.ts'
import { isOpen, mail, provenBy } from '../../../src/domain/mail/mail.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { given as tell, stateOf } from '../../support/decider.ts'

const mailId = 'mai_00000000000000000000000001'
const at = '2026-01-01T00:00:00.000Z'
const expiresAt = '2026-01-02T00:00:00.000Z'
const request = {
  type: 'RequestMail',
  mailId,
  kind: 'verify_email',
  subjectId: 'usr_00000000000000000000000001',
  recipient: 'ada@example.com',
  locale: 'en',
  tokenHash: 'a'.repeat(64),
  proves: 'b'.repeat(64),
  expiresAt,
  at,
} as const
const { type: _, ...data } = request
const requested: MailEvent = { type: 'MailRequested', data }
const sent: MailEvent = { type: 'MailSent', data: { mailId, at } }
const failed: MailEvent = { type: 'MailFailed', data: { mailId, reason: 'rejected', at } }
const given = (...events: MailEvent[]) => tell(mail, events)
const recordSent = { type: 'RecordMailSent', at } as const
const recordFailed = { type: 'RecordMailFailed', reason: 'rejected', at } as const

describe('an intent', () => {
  test('is written once', () => {
    given().when(request).then([requested])
    given(requested).when(request).thenNothing()
    given(requested, sent).when(request).thenNothing()
  })
  test('ends sent or failed, and sent wins', () => {
    given(requested).when(recordSent).then([sent])
    given(requested).when(recordFailed).then([failed])
    given(requested, sent).when(recordFailed).thenNothing()
    given(requested, failed).when(recordSent).then([sent])
    given(requested, failed).when(recordFailed).thenNothing()
  })
  test('nothing is recorded of a mail that nobody asked for', () => {
    given().when(recordSent).thenRefused('not_found')
    given().when(recordFailed).thenRefused('not_found')
  })
  test('is open until it ends or expires', () => {
    expect(isOpen(stateOf(mail, [requested]), at)).toBe(true)
    expect(isOpen(stateOf(mail, [requested]), expiresAt)).toBe(false)
    expect(isOpen(stateOf(mail, [requested, sent]), at)).toBe(false)
    expect(isOpen(undefined, at)).toBe(false)
  })
})

describe('a token', () => {
  const token = { kind: 'verify_email', hash: 'a'.repeat(64) } as const
  const state = stateOf(mail, [requested, sent])
  test('says what it proves', () => {
    expect(provenBy(state, token, at)).toEqual({
      subjectId: request.subjectId,
      recipient: request.recipient,
      proves: request.proves,
    })
  })
  test.each([
    ['of another kind', state, { ...token, kind: 'reset_password' }, at],
    ['another one', state, { ...token, hash: 'c'.repeat(64) }, at],
    ['expired', state, token, expiresAt],
    ['of an unknown mail', undefined, token, at],
  ] as const)('%s is unusable', (_name, of, presented, when) => {
    expect(() => provenBy(of, presented, when)).toThrow(new Refusal('token_unusable'))
  })
  test('a mail without a token proves nothing', () => {
    const { tokenHash: _hash, ...without } = data
    const plain = stateOf(mail, [{ type: 'MailRequested', data: without }])
    expect(() => provenBy(plain, token, at)).toThrow(new Refusal('token_unusable'))
  })
})
