/** Mails in English. Facts: `link`, `until` (its end), `at` (when it happened), and what the kind names. */
import { moment, name, whole } from '../format.ts'
import type { Facts } from '../messages.ts'
import { letter, link, paragraph, quoted, say } from './letter.ts'
import type { MailMessages } from './mail-text.ts'

const quote = quoted('“', '”')
const hello = paragraph('Hello,')
const notYou = (text: string) => paragraph(`If it was not you, ${text}`)
const stranger = notYou(
  'somebody else has access: change your password, and tell the administrator of this service at once.',
)
const once = (f: Facts) => paragraph(say`The link works once, until ${moment(f['until'])}.`)
const organization = (f: Facts) => quote(f['organization'])

export const mails: MailMessages = {
  verify_email: {
    subject: 'Confirm your e-mail address',
    body: (f) =>
      letter(
        hello,
        paragraph('This address was given for an account at Daybook.'),
        link('Open this link to confirm that it is yours:', f['link']),
        once(f),
        notYou('simply ignore this message.'),
      ),
  },
  reset_password: {
    subject: 'Choose a new password',
    body: (f) =>
      letter(
        hello,
        paragraph('Somebody, perhaps you, asked for a new password for your account at Daybook.'),
        link('Open this link to choose one:', f['link']),
        once(f),
        notYou('simply ignore this message: your password stays as it is.'),
      ),
  },
  invitation: {
    subject: 'You are invited to an organization',
    body: (f) =>
      letter(
        hello,
        paragraph(
          say`You are invited to join the organization ${organization(f)} at Daybook.` ??
            'You are invited to join an organization at Daybook.',
        ),
        link('Open this link to accept:', f['link']),
        once(f),
        paragraph('If you do not know who invites you, simply ignore this message.'),
      ),
  },
  registration_attempted: {
    subject: 'You already have an account',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Somebody, perhaps you, tried to register at Daybook with this address.',
          'It already has an account, so no new one was opened.',
        ),
        link('Sign in here:', f['link']) ?? paragraph('Sign in as usual.'),
        notYou('there is nothing you need to do: nobody got into your account.'),
      ),
  },
  email_changed: {
    subject: 'Your account has another e-mail address',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Your account at Daybook was given another e-mail address.',
          'This is the last message about it to this one.',
          say`It happened at ${moment(f['at'])}.`,
        ),
        notYou('somebody else has access: tell the administrator of this service at once.'),
      ),
  },
  password_changed: {
    subject: 'Your password was changed',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'The password of your account at Daybook was changed.',
          say`It happened at ${moment(f['at'])}.`,
        ),
        notYou('somebody else has access: tell the administrator of this service at once.'),
        link('Your account:', f['link']),
      ),
  },
  session_replayed: {
    subject: 'A session of yours was ended',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'The secret of one of your sessions at Daybook was used a second time.',
          'Somebody may have copied it, so the session was ended. Sign in again.',
          say`It happened at ${moment(f['at'])}.`,
        ),
        paragraph('If you cannot explain it, change your password: that ends your other sessions.'),
        link('Your account:', f['link']),
      ),
  },
  budget_threshold: {
    subject: 'A budget has reached a threshold',
    body: (f) =>
      letter(
        hello,
        paragraph(
          say`The budget ${quote(f['budget'])} of the organization ${organization(f)} at Daybook has reached ${whole(f['percent'])} percent.` ??
            say`A budget of your organization at Daybook has reached ${whole(f['percent'])} percent.` ??
            'A budget of your organization at Daybook has reached a threshold.',
        ),
        paragraph(
          say`${name(f['spent'])} of ${name(f['amount'])} are spent.`,
          say`It begins anew at ${moment(f['resets_at'])}.`,
        ),
        f['hard'] === 'true' &&
          paragraph(
            'Calls that it has no room for are refused until then. An owner or admin can change it.',
          ),
        link('Look at it here:', f['link']),
      ),
  },
  payment_failed: {
    subject: 'A payment has failed',
    body: (f) =>
      letter(
        hello,
        paragraph(
          say`The payment for the plan of the organization ${organization(f)} at Daybook has failed.` ??
            'The payment for the plan of your organization at Daybook has failed.',
          say`The plan goes on until ${moment(f['grace_until'])}.`,
        ),
        paragraph('Check how you pay, so that the plan does not end.'),
        link('Your organization:', f['link']),
      ),
  },
  payment_returned: {
    subject: 'A payment was returned',
    body: (f) =>
      letter(
        hello,
        paragraph(
          say`${name(f['amount'])} of a payment of the organization ${organization(f)} at Daybook went back to you.` ??
            'Money of a payment of your organization at Daybook went back to you.',
          'The credit that it had paid for is taken back in the same share.',
        ),
        paragraph('If less credit is left than that, the balance is negative until you pay again.'),
        link('Your organization:', f['link']),
      ),
  },
  telegram_linked: {
    subject: 'Telegram was connected to your account',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'A Telegram account can now sign in to your account at Daybook.',
          say`It was connected at ${moment(f['at'])}.`,
        ),
        stranger,
        link('Your account:', f['link']),
      ),
  },
  telegram_unlinked: {
    subject: 'Telegram was disconnected from your account',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'The Telegram account that was connected to your account at Daybook cannot sign in any more.',
          say`It was disconnected at ${moment(f['at'])}.`,
        ),
        stranger,
        link('Your account:', f['link']),
      ),
  },
}
