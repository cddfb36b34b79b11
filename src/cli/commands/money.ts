import type { Command } from 'commander'
export function moneyCommands(_program: Command): void {}
