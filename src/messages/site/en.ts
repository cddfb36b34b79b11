/** The built-in pages in English. */
import { counter } from '../format.ts'
import type { ProblemCode } from '../messages.ts'
import type { SiteMessages } from './site.ts'

const counted = counter('en')
const close = 'You can close this page.'
const notWhole = {
  title: 'This link is not complete',
  text: 'Open it from the message again. If you copied it, copy all of it.',
}
const later = {
  title: 'This does not work at the moment',
  text: 'Nothing is lost. Wait a minute and try again.',
}
const notSent = {
  title: 'The form did not arrive in one piece',
  text: 'Go back, fill it in again and send it once more.',
}

export const siteEn: SiteMessages<ProblemCode> = {
  fields: {
    email: 'E-mail address',
    emailWrong: {
      title: 'This is not an e-mail address',
      text: 'Check it and send the form again.',
    },
    password: 'Password',
    newPassword: 'New password',
    again: 'The same password again',
    hint: (min) =>
      `At least ${min} characters. Several words that only you would put together are best.`,
  },
  verifyEmail: {
    title: 'Confirm your address',
    text: 'Press the button to confirm that this address is yours.',
    button: 'Confirm the address',
    done: { title: 'Your address is confirmed', text: close },
  },
  verifyAgain: {
    title: 'Ask for a new link',
    text: 'Give the address of your account. A link that confirms it will be sent to it.',
    button: 'Send me a link',
    done: {
      title: 'Check your mail',
      text: 'If this address has an account and is not yet confirmed, a link is on its way to it. It works for seven days.',
    },
    offer: 'Ask for a new link',
  },
  resetPassword: {
    title: 'Choose a new password',
    text: 'You will be signed out everywhere and sign in with the new password.',
    button: 'Set the new password',
    done: {
      title: 'Your new password is set',
      text: `All your sessions have ended. Sign in with the new password. ${close}`,
    },
    differ: { title: 'The two passwords differ', text: 'Type the same password twice.' },
  },
  forgotPassword: {
    title: 'Forgot your password?',
    text: 'Give the address of your account. A link to a new password will be sent to it.',
    button: 'Send me a link',
    done: {
      title: 'Check your mail',
      text: 'If this address has an account, a link is on its way to it. It works for ten minutes, once.',
    },
    offer: 'Ask for a new link',
  },
  invitation: {
    title: (organization) =>
      organization === undefined ? 'You are invited' : `You are invited to join “${organization}”`,
    text: (email) => `The invitation is for ${email}.`,
    member: {
      title: 'If you have an account',
      text: 'Sign in with its password, and you belong to the organization.',
      button: 'Sign in and join',
    },
    newcomer: {
      title: 'If you are new here',
      text: 'Choose a password. Your account is created, and you belong to the organization.',
      button: 'Create an account and join',
    },
    hasAccount: {
      title: 'This address has an account',
      text: 'Sign in with the password of that account.',
    },
    done: (organization) => ({
      title: organization === undefined ? 'You have joined' : `You have joined “${organization}”`,
      text: close,
    }),
  },
  telegramStart: {
    title: 'Sign in by Telegram',
    text: 'Press Telegram’s button below. You come back here when Telegram knows you.',
    withoutScript:
      'The button of Telegram needs JavaScript. Turn it on for this page, or write to the bot in Telegram.',
  },
  telegram: {
    title: 'Go on signing in?',
    text: (username) =>
      username === undefined
        ? 'Telegram has told us who you are. Press the button if you have just signed in there.'
        : `Telegram says that you are @${username}. Press the button if that is so.`,
    button: 'Sign in',
    done: {
      title: 'You are signed in',
      text: 'You can use your account in Telegram, or with your own programs.',
    },
    over: {
      title: 'This sign-in is over',
      text: 'It has to be finished within a minute, and works once.',
    },
    again: 'Sign in again',
    next: {
      title: 'For your programs',
      text: 'Whoever has these tokens can act as you. They are shown this once.',
    },
    accessToken: (minutes) => `Access token, for ${counted(minutes, 'minute', 'minutes')}`,
    refreshToken: (days) => `Refresh token, for ${counted(days, 'day', 'days')}`,
  },
  problems: {
    invalid_input: notWhole,
    malformed_body: notSent,
    unsupported_media_type: notSent,
    body_too_large: notSent,
    token_unusable: {
      title: 'This link no longer works',
      text: 'It has expired or was used before.',
    },
    invitation_unusable: {
      title: 'This invitation no longer works',
      text: 'It has expired, was used or withdrawn, or is for another address. Ask for a new one.',
    },
    forbidden: {
      title: 'This form came from another page',
      text: 'Nothing was changed. Open the link from the message again.',
    },
    rate_limited: { title: 'Too many attempts', text: 'Wait a few minutes and try again.' },
    policy_denied: { title: 'This is not allowed', text: 'Ask whoever runs this service.' },
    unavailable: later,
    stopping: later,
    stream_busy: later,
    internal: {
      title: 'Something went wrong here',
      text: 'It is not your fault. Try again later; if it goes on, tell whoever runs this service.',
    },
  },
  problemCode: 'For support',
}
