import { Command } from 'commander';
import { COMMAND_GROUPS, type CommandGroup } from './command-groups.ts';
import type { Register } from './commands/registry.ts';
import { addGlobalFlags } from './flags.ts';

const EXAMPLES = `
Short forms:
  edge-run TARGET FUN [ARG…]       run a function on targets    edge-run '*' test.ping
  edge-run RUNNER.FUN [ARG…]       call a runner                edge-run manage.status
Words: key=value, key:='{"json": 1}', -- ends parsing.
First steps:
  edge-run up
  edge-run '*' test.ping
  edge-run orch deploy-environment pillarenv=prod`;

/**
 * The command tree; `register` binds each command to what does its work. Only `groups` are loaded: of the others there
 * are names and summaries.
 */
export async function createProgram(
  version: string,
  register: Register,
  groups: ReadonlySet<CommandGroup> = new Set(COMMAND_GROUPS),
): Promise<Command> {
  const program = new Command('edge-run')
    .description('Ask an Edge master: run functions, states and orchestrations, and watch them.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError(false)
    .addHelpText('after', EXAMPLES);
  addGlobalFlags(program);
  for (const group of COMMAND_GROUPS) {
    if (groups.has(group)) (await group.load())(program, register);
    else for (const [name, summary] of Object.entries(group.commands)) program.command(name).summary(summary);
  }
  program.configureHelp({ subcommandTerm: (command) => command.name() });
  return program;
}
