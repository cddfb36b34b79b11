/** `stop` and `resume`. */
import type { Command } from 'commander'
import { answer, example } from './command.ts'

const said = (row: Readonly<Record<string, unknown>>, field: string): string | undefined => {
  const value = row[field]
  return typeof value === 'string' ? value : undefined
}

export function callCommands(program: Command): void {
  program
    .command('stop')
    .description('stop all calls to models; everything else goes on')
    .option('--reason <text>', 'kept for ever; it must not name a person')
    .addHelpText(
      'after',
      `
New calls are refused, waiting ones wait on until their time is over, running
ones end.
${example('stop --reason "the bill"', 'resume')}`,
    )
    .action((options: object, command: Command) =>
      answer(command, 'calls.stop', options, {
        kind: 'sentence',
        text: (row) =>
          `Calls to models are stopped since ${said(row, 'since') ?? 'now'}` +
          (said(row, 'reason') === undefined ? '.' : `: ${said(row, 'reason')}`),
      }),
    )
  program
    .command('resume')
    .description('let calls to models begin again')
    .addHelpText('after', example('resume'))
    .action((_options: object, command: Command) =>
      answer(
        command,
        'calls.resume',
        {},
        {
          kind: 'sentence',
          text: () => 'Calls to models begin again.',
        },
      ),
    )
}
