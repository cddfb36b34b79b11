/**
 * What can be typed after `npm run daybook --`, and how the process ends: 0 done, 1 refused or failed,
 * 64 typed wrongly, 78 the configuration or the data is not in order. Never a stack for an expected no.
 */
import { Command, CommanderError } from 'commander'
import { ConfigurationError } from '../config.ts'
import { auditCommands } from './commands/audit.ts'
import { backupCommands } from './commands/backup.ts'
import { callCommands } from './commands/calls.ts'
import { catalogueCommands } from './commands/catalogue.ts'
import { logCommands } from './commands/log.ts'
import { moneyCommands } from './commands/money.ts'
import { paddleCommands } from './commands/paddle.ts'
import { peopleCommands } from './commands/people.ts'
import { upkeepCommands } from './commands/upkeep.ts'
import { OperationFailed } from './operation.ts'
import { problemText } from './problem-text.ts'

const USAGE = 64
const CONFIGURATION = 78

const AFTER = `
Commands go to the running server of this data (DATA_DIR), or open the data
themselves where none runs. Settings come from the environment and from .env.

Exit codes: 0 done · 1 refused or failed · 64 typed wrongly · 78 configuration

Begin with:
  npm run daybook -- admin create --email you@example.com
  npm run daybook -- seed
  npm run daybook -- check`

export function createProgram(): Command {
  const program = new Command('daybook')
    .usage('[--json] COMMAND …')
    .description('The operator’s command line of Daybook.')
    .option('--json', 'write JSON lines, for machines')
    .addHelpText('after', AFTER)
    .helpCommand('help [command]', 'explain a command')
    .helpOption('-h, --help', 'explain')
    .showSuggestionAfterError()
    .configureHelp({ helpWidth: Math.min(process.stdout.columns || 80, 100) })
  peopleCommands(program)
  catalogueCommands(program)
  moneyCommands(program)
  callCommands(program)
  auditCommands(program)
  logCommands(program)
  backupCommands(program)
  upkeepCommands(program)
  paddleCommands(program)
  return strict(program)
}

/** The same manners for every command below. */
function strict(command: Command): Command {
  command.exitOverride().helpOption('-h, --help', 'explain')
  for (const child of command.commands) strict(child.copyInheritedSettings(command))
  return command
}

export async function run(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', leaveQuietly)
  const program = createProgram()
  if (argv.length === 0) {
    program.outputHelp()
    return 0
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    return explain(error)
  }
}

/** `| head` has read enough. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
}

function explain(error: unknown): number {
  // Commander has said it already, with the usage.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  const say = (message: string) => process.stderr.write(`${message}\n`)
  if (error instanceof ConfigurationError) {
    say(error.message)
    for (const problem of error.problems) say(`  ${problem}`)
    return CONFIGURATION
  }
  if (error instanceof Error && error.name === 'StoreRefused') {
    say(error.message)
    return CONFIGURATION
  }
  if (error instanceof OperationFailed) {
    say(error.message)
    return error.exitCode
  }
  const known = problemText(error)
  say(known ?? (error instanceof Error ? (error.stack ?? error.message) : String(error)))
  return 1
}
