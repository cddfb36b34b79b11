/** The bot in English. */
import { counter } from '../format.ts'
import type { BotMessages } from './bot.ts'

const counted = counter('en')

export const botEn: BotMessages = {
  menu: {
    start: 'Begin, or let the bot write again',
    register: 'Give your e-mail address: /register ada@example.com',
    unlink: 'Unlink this Telegram from your account',
    locale: 'Choose the language',
    organization: 'Choose which organization you ask for',
    agents: 'See the agents and choose one',
    ask: 'Ask the chosen agent: /ask your question',
    balance: 'See credit and plan',
    usage: 'See what you have used this month',
    cancel: 'Stop the answer that is being written',
    subscribe: 'Take a plan',
    help: 'See what the bot can do',
    stop: 'The bot writes nothing more until /start',
  },
  welcome:
    'Welcome! You have an account now. Choose an agent with /agents, then simply write your question. ' +
    'With /register and your e-mail address you can sign in by e-mail, too.',
  welcomeBack: 'Good to see you. Write your question, or see /help.',
  startFirst: 'Send /start first: it makes an account for you, or finds yours.',
  linked: (email) =>
    email === undefined
      ? 'Done: this Telegram account is linked to your account.'
      : `Done: this Telegram account is linked to your account, ${email}.`,
  joined: (organization) =>
    organization === undefined
      ? 'Done: you have joined the organization, and ask for it from now on. Choose with /organization.'
      : `Done: you have joined “${organization}”, and ask for it from now on. Choose with /organization.`,
  tooMuch: {
    now: 'This is too fast for me: what you write now is lost. Go on in a minute.',
    today: 'This is too much for one day: what you write now is lost. Go on tomorrow.',
  },
  linkUnknown: 'This link leads nowhere. Ask for a new one.',
  linkTaken:
    'This Telegram account belongs to another account here, and stays there. Undo that with /unlink first.',
  link: {
    ask: (email, confirmed = false) =>
      [
        `Link your Telegram to ${email === undefined ? 'an account without an e-mail address' : `the account ${email}`}?`,
        ...(email === undefined || confirmed
          ? []
          : ['Nobody has confirmed this address: the account may be anybody’s.']),
        'Press “Link” only if this account is yours and you have just asked for the link there yourself. ' +
          'Has somebody sent it to you? Press “No”: otherwise you would ask in their account, and they could see it.',
      ].join('\n\n'),
    yes: 'Link',
    no: 'No',
    declined: 'Nothing was linked. With /start you get an account of your own.',
    over: 'This link is not good: it works once, for ten minutes. Ask for a new one where you sign in.',
    notHere:
      'I link nothing in a group: everybody here has seen your link. Ask for a new one, and open it in a ' +
      'private chat with me.',
  },
  unlink: {
    ask: (email) =>
      `Unlink this Telegram from ${email === undefined ? 'your account' : `the account ${email}`}? You cannot sign in to ` +
      'it by Telegram any more then, and I do not know you here. The account stays.',
    yes: 'Unlink',
    no: 'No',
    done: 'Done: this Telegram is not linked any more. With /start you get a new account.',
    kept: 'Everything stays as it is.',
    lastWayIn:
      'Telegram is the only way into your account, so it stays. Give your e-mail address with /register first, ' +
      'and confirm it by the mail that you get.',
    notHere: 'Write /unlink to me in a private chat.',
  },
  register: {
    usage: 'Write your e-mail address after the command: /register ada@example.com',
    notAnAddress: 'This is not an e-mail address. Write it like this: /register ada@example.com',
    sent: 'A mail is on its way to this address. Open the link in it to confirm that it is yours.',
    hasAddress:
      'Your account has an e-mail address already. It is changed where you sign in with it, with your password.',
  },
  locale: {
    choose: 'Which language?',
    changed: 'From now on I speak English with you.',
    unknown: 'I do not speak this language. Choose one of these:',
  },
  organization: {
    choose: 'Which organization do you ask for? It pays for the answers.',
    changed: (name) => `From now on you ask here for “${name}”.`,
    unnamed: 'without a name',
    unknown: 'You do not belong to this organization. Choose with /organization.',
  },
  agents: {
    choose: 'Which agent should answer you?',
    none: 'There is no agent for you yet.',
    chosen: (name) => `“${name}” answers you now. Write your question.`,
    unknown: 'There is no such agent. Choose one with /agents.',
    more: 'There are more: /agents with the short name chooses any of them.',
  },
  ask: {
    usage: 'Write your question after the command: /ask What is a ledger?',
    empty: 'The agent had nothing to say.',
    canceled: 'Stopped, as you asked.',
  },
  cost: (amount) => `— ${amount}`,
  practice: 'made up by the practice model',
  balance: ({ balance, held, plan }) =>
    [
      `Credit: ${balance}`,
      ...(held === undefined ? [] : [`Held for answers being written: ${held}`]),
      plan === undefined ? 'No plan' : `Plan: ${plan}`,
    ].join('\n'),
  usage: ({ calls, tokens, charged }) =>
    `This month: ${counted(calls, 'answer', 'answers')}, ${counted(tokens, 'token', 'tokens')}, ${charged}`,
  cancel: {
    done: 'I am stopping it.',
    nothing: 'No answer is being written.',
  },
  subscribe: {
    choose: 'Which plan?',
    none: 'There is no plan to take at the moment.',
    open: 'The plan begins when it is paid:',
    button: 'Pay',
  },
  stopped: 'I write nothing more here. With /start I am back.',
  onlyText: 'I understand only text. Write your question in words.',
  unknownCommand: 'I do not know this command. See /help.',
  oldButton: 'This button is out of date. Send the command again.',
  helpBefore: 'Write a question, and the agent that you have chosen answers. Besides:',
  helpAfter: 'In a group I answer commands that name me.',
  seeBalance: 'Your credit: /balance',
}
