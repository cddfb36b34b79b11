/** `paddle check`, `list`, `replay`, `dismiss`, `reconcile`, `simulate`. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { parkedReasons } from '../../domain/paddle-event/events.ts'
import { text } from '../print.ts'
import { practise, type PracticeOptions } from '../practice-paddle.ts'
import { answer, example } from './command.ts'

const ok = { key: 'ok', title: '', show: (value: unknown) => (value === true ? '✓' : '✗') }

export function paddleCommands(program: Command): void {
  const paddle = program.command('paddle').description('payments by Paddle')
  paddle
    .command('check')
    .description('compare settings and plans with Paddle')
    .option('--url <address>', 'also send a signed notification there: http://127.0.0.1:3000')
    .option('--checkout', 'also open a transaction, which stays a draft, to see the payment link')
    .addHelpText('after', example('paddle check', 'paddle check --url http://127.0.0.1:3000'))
    .action((options: object, command: Command) =>
      answer(command, 'paddle.check', options, {
        kind: 'table',
        empty: '',
        columns: [
          ok,
          { key: 'part', title: 'Part' },
          { key: 'finding', title: 'Finding', flexible: true },
        ],
      }),
    )
  listCommand(paddle)
  replayCommand(paddle)
  dismissCommand(paddle)
  reconcileCommand(paddle)
  simulateCommand(paddle)
  practiceCommand(paddle)
}

function listCommand(paddle: Command): void {
  paddle
    .command('list')
    .description('what Paddle told us, newest first, and what became of it')
    .addOption(
      new Option('--status <status>', 'only those').choices([
        'received',
        'applied',
        'ignored',
        'parked',
      ]),
    )
    .option('--limit <number>', 'at most so many', Number)
    .addHelpText('after', example('paddle list --status parked'))
    .action((options: object, command: Command) =>
      answer(command, 'paddle.list', options, {
        kind: 'table',
        empty: 'There is none.',
        columns: [
          { key: 'event_id', title: 'Event' },
          { key: 'type', title: 'Type' },
          { key: 'status', title: 'Status' },
          { key: 'reason', title: 'Why' },
          { key: 'waits_for', title: 'Waits for', flexible: true },
        ],
      }),
    )
}

function replayCommand(paddle: Command): void {
  paddle
    .command('replay')
    .description('apply one again, or all of a time; what is applied already changes nothing')
    .argument('[event]', 'its id (evt_…)')
    .option('--from <time>', 'received since this time (ISO, UTC)')
    .option('--to <time>', 'received before this time')
    .addHelpText(
      'after',
      example(
        'paddle replay evt_01hv…',
        'paddle replay --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z',
      ),
    )
    .action((eventId: string | undefined, options: object, command: Command) =>
      answer(command, 'paddle.replay', eventId === undefined ? options : { eventId }, {
        kind: 'sentence',
        text: ({ reopened, next }) =>
          `${text(reopened)} will be applied again.` +
          (next === undefined ? '' : ` There are more: --from ${text(next)}`),
      }),
    )
}

function dismissCommand(paddle: Command): void {
  paddle
    .command('dismiss')
    .description('have done with one that is parked, or with all of a time; a replay puts it back')
    .argument('[event]', 'its id (evt_…)')
    .requiredOption('--note <text>', 'why: it stays in the history')
    .addOption(new Option('--reason <reason>', 'parked for this only').choices(parkedReasons))
    .option('--from <time>', 'received since this time (ISO, UTC)')
    .option('--before <time>', 'received before this time')
    .addHelpText(
      'after',
      example(
        'paddle dismiss evt_01hv… --note "our shop’s"',
        'paddle dismiss --reason unknown_organization --before 2026-11-01T00:00:00Z --note "our shop’s"',
      ),
    )
    .action((eventId: string | undefined, options: { note: string }, command: Command) =>
      answer(
        command,
        'paddle.dismiss',
        eventId === undefined ? options : { eventId, note: options.note },
        {
          kind: 'sentence',
          text: ({ dismissed, next }) =>
            `${text(dismissed)} dismissed.` +
            (next === undefined ? '' : ` There are more: --from ${text(next)}`),
        },
      ),
    )
}

function reconcileCommand(paddle: Command): void {
  paddle
    .command('reconcile')
    .description('read on in Paddle’s list of events, or compare one thing with Paddle')
    .argument('[thing]', 'a subscription, a transaction or an adjustment: sub_…, txn_…, adj_…')
    .addHelpText('after', example('paddle reconcile', 'paddle reconcile sub_01hv…'))
    .action((entityId: string | undefined, _options: object, command: Command) =>
      answer(command, 'paddle.reconcile', entityId === undefined ? {} : { entityId }, {
        kind: 'sentence',
        text: ({ read, missed, status, differences }) =>
          status === undefined
            ? `${text(read)} read, ${text(missed)} of them had not reached us.`
            : status === 'same'
              ? 'Ours is as Paddle’s.'
              : `It differed, and is now ${text(status)}: ${(differences as string[]).join('; ')}`,
      }),
    )
}

function simulateCommand(paddle: Command): void {
  paddle
    .command('simulate')
    .description('sign and send what Paddle would, for a whole lifecycle')
    .argument('[scenario]', 'see --list')
    .option('--list', 'show the scenarios')
    .option('--organization <id>', 'who pays: its open checkout, or one that is opened for this')
    .option('--transaction <id>', 'the checkout that is paid (txn_…)')
    .option('--url <address>', 'where to send; PUBLIC_URL where left out')
    .option('--plan <slug>', 'the plan that is bought')
    .option('--to <slug>', 'the plan that is changed to')
    .option('--amount <minor>', 'the price, in minor units (cents)')
    .option('--currency <code>', 'the currency of the price')
    .addHelpText(
      'after',
      `
Nothing is asked of Paddle, and nothing is simulated where PADDLE_ENVIRONMENT is
live. Credit that comes of it is real to this installation.
${example('paddle simulate --list', 'paddle simulate renewal --organization org_01j8… --url http://127.0.0.1:3000')}`,
    )
    .action(
      (scenario: string | undefined, { list, ...options }: { list?: true }, command: Command) =>
        list || scenario === undefined
          ? answer(
              command,
              'paddle.scenarios',
              {},
              {
                kind: 'table',
                empty: '',
                columns: [
                  { key: 'scenario', title: 'Scenario' },
                  { key: 'what', title: 'What happens', flexible: true },
                ],
              },
            )
          : answer(
              command,
              'paddle.simulate',
              { scenario, ...options },
              {
                kind: 'table',
                empty: '',
                columns: [
                  { key: 'type', title: 'Notification' },
                  { key: 'occurred_at', title: 'Occurred' },
                  { key: 'entity_id', title: 'About' },
                  { key: 'answered', title: 'Answer' },
                ],
              },
            ),
    )
}

function practiceCommand(paddle: Command): void {
  paddle
    .command('practice')
    .description('run a practice Paddle until Ctrl-C: its API, a page to pay on, notifications')
    .option('--port <number>', 'where it listens, on 127.0.0.1', '8700')
    .option('--url <address>', 'the Daybook that it tells', 'http://127.0.0.1:3000')
    .option(
      '--price <price...>',
      'what is sold: ID=AMOUNT:CURRENCY[:INTERVAL], such as pri_team=3000:USD:month',
    )
    .addHelpText('after', PRACTICE)
    .action((options: PracticeOptions) => practise(options))
}

const PRACTICE = `
No money is taken. Daybook's settings for it: BILLING=paddle,
PADDLE_API_URL=http://127.0.0.1:8700, and the same PADDLE_API_KEY and
PADDLE_WEBHOOK_SECRET as this command is given. What only time, the customer
or the bank can do: POST /practice/ID/WHAT with the key, for txn_… pay,
decline, refund, chargeback; sub_… renew, fail, recover, resume; adj_…
approve, reject, reverse.
${example('paddle practice --price pri_team=3000:USD:month pri_credit=1000:USD')}`
