/** `check`, `mail`, `keys`. */
import { type Command, Option } from 'commander'
import { text } from '../print.ts'
import { answer } from './command.ts'

export function upkeepCommands(program: Command): void {
  program
    .command('check')
    .description('make one tiny real call and explain what is wrong')
    .option('--model <name>', 'the model; OPENAI_MODEL where left out')
    .addHelpText(
      'after',
      '\nLooks at key, address, model, plan and price. The provider charges the call.',
    )
    .action((options: { model?: string }, command: Command) =>
      answer(command, 'check', options, {
        kind: 'table',
        empty: '',
        columns: [
          { key: 'ok', title: '', show: (value) => (value === true ? '✓' : '✗') },
          { key: 'part', title: 'Part' },
          { key: 'finding', title: 'Finding', flexible: true },
        ],
      }),
    )
  const mail = program.command('mail').description('mails, and what became of them')
  mail
    .command('list')
    .description('show those of the last week, with the links that still work')
    .addOption(new Option('--state <state>', 'only those').choices(['waiting', 'sent', 'failed']))
    .option('--all', 'also older ones')
    .addHelpText('after', '\nA link lets whoever has it act for the person: pass it to them alone.')
    .action((options: { state?: string; all?: true }, command: Command) =>
      answer(command, 'mail.list', options, {
        kind: 'details',
        empty: 'There is no such mail.',
        fields: [
          ['kind', 'Mail'],
          ['to', 'To'],
          ['state', 'State'],
          ['reason', 'Why'],
          ['requested_at', 'Asked for'],
          ['expires_at', 'Good until'],
          ['link', 'Link'],
          ['mail_id', 'Id'],
        ],
      }),
    )
  mail
    .command('show <id>')
    .description('show what a mail says, as plain text')
    .action((mailId: string, _options, command: Command) =>
      answer(
        command,
        'mail.show',
        { mailId },
        {
          kind: 'sentence',
          text: (row) =>
            `To: ${text(row['to'])}\nSubject: ${text(row['subject'])}\n\n${text(row['text'])}`,
        },
      ),
    )
  const keys = program.command('keys').description('the server’s own keys')
  keys
    .command('rotate')
    .description('wrap all data keys by MASTER_KEY, with the last one in MASTER_KEY_OTHER')
    .addHelpText(
      'after',
      '\nBroken off, it is finished by giving it again. Steps: docs/operations.md.',
    )
    .action((_options, command: Command) =>
      answer(
        command,
        'keys.rotate',
        {},
        {
          kind: 'sentence',
          text: (row) =>
            `${String(row['wrapped'])} keys were wrapped anew; all are wrapped by MASTER_KEY now.`,
        },
      ),
    )
  keys
    .command('rotate-signing')
    .description('sign tokens with a new key; the old one verifies until they expire')
    .action((_options, command: Command) =>
      answer(
        command,
        'keys.rotate-signing',
        {},
        {
          kind: 'sentence',
          text: (row) => `New tokens are signed with ${String(row['key_id'])}.`,
        },
      ),
    )
}
