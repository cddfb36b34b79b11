/** `check`, `mail`, `keys`. */
import type { Command } from 'commander'
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
  const mail = program.command('mail').description('mails that wait to be sent')
  mail
    .command('list')
    .description('show them with their links, to pass on by hand')
    .addHelpText('after', '\nA link lets whoever has it act for the person: pass it to them alone.')
    .action((_options, command: Command) =>
      answer(
        command,
        'mail.list',
        {},
        {
          kind: 'details',
          empty: 'No mail waits to be sent.',
          fields: [
            ['kind', 'Mail'],
            ['to', 'To'],
            ['requested_at', 'Asked for'],
            ['expires_at', 'Good until'],
            ['link', 'Link'],
          ],
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
