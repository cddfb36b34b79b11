/** `credit grant` and `charge adjust`. */
import { type Command, Option } from 'commander'
import { answer, example } from './command.ts'

export function moneyCommands(program: Command): void {
  program
    .command('credit')
    .description('credit of organizations')
    .command('grant')
    .description('give an organization credit')
    .argument('<organization>', 'its id (org_…)')
    .argument('<amount>', 'USD, such as 10.00')
    .requiredOption('--reason <text>', 'for the books; it must not name a person')
    .option('--expires <date>', 'the day (UTC) from which it cannot be used; never where left out')
    .addOption(
      new Option('--kind <kind>', 'paid credit is drawn last')
        .choices(['promotional', 'paid'])
        .default('promotional'),
    )
    .addHelpText(
      'after',
      example('credit grant org_01j8… 10.00 --reason "welcome" --expires 2027-01-01'),
    )
    .action((organization: string, amount: string, options: object, command: Command) =>
      answer(
        command,
        'credit.grant',
        { organization, amount, ...options },
        {
          kind: 'details',
          fields: [
            ['organization', 'Organization'],
            ['lot_id', 'Lot'],
            ['granted', 'Granted, USD'],
            ['expires_at', 'Expires'],
            ['balance', 'Balance, USD'],
            ['available', 'Available, USD'],
          ],
        },
      ),
    )
  program
    .command('charge')
    .description('charges of calls')
    .command('adjust')
    .description('correct what a call was charged')
    .argument('<invocation>', 'its id (inv_…)')
    .argument('<amount>', 'USD given back; with a minus, USD charged more')
    .requiredOption('--reason <text>', 'for the books; it must not name a person')
    .addHelpText(
      'after',
      example(
        'charge adjust inv_01j8… 0.02 --reason "the answer was cut"',
        'charge adjust inv_01j8… -0.02 --reason "wrong list"',
      ),
    )
    .action((invocation: string, amount: string, options: object, command: Command) =>
      answer(
        command,
        'charge.adjust',
        { invocation, amount, ...options },
        {
          kind: 'details',
          fields: [
            ['invocation_id', 'Call'],
            ['organization', 'Organization'],
            ['adjusted', 'Adjusted, USD'],
            ['charge', 'Now charged, USD'],
            ['balance', 'Balance, USD'],
            ['available', 'Available, USD'],
          ],
        },
      ),
    )
}
