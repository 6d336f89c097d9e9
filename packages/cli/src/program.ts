import { Command } from 'commander';
import { addAuthorCommands } from './commands/author.ts';
import { addCompletionCommands } from './commands/completion.ts';
import { addEventsCommands } from './commands/events.ts';
import { addExecCommands } from './commands/exec.ts';
import { addFleetCommands } from './commands/fleet.ts';
import { addJobsCommands } from './commands/jobs.ts';
import { addKeysCommands } from './commands/keys.ts';
import { addOrchCommands } from './commands/orch.ts';
import type { Register } from './commands/registry.ts';
import { addScheduleCommands } from './commands/schedule.ts';
import { addStackCommands } from './commands/stack.ts';
import { addStateCommands } from './commands/state.ts';
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

/** The whole command tree; `register` binds each command to what does its work. */
export function createProgram(version: string, register: Register): Command {
  const program = new Command('edge-run')
    .description('Ask an Edge master: run functions, states and orchestrations, and watch them.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError(false)
    .addHelpText('after', EXAMPLES);
  addGlobalFlags(program);
  addStackCommands(program, register);
  addExecCommands(program, register);
  addStateCommands(program, register);
  addOrchCommands(program, register);
  addJobsCommands(program, register);
  addEventsCommands(program, register);
  addScheduleCommands(program, register);
  addFleetCommands(program, register);
  addKeysCommands(program, register);
  addAuthorCommands(program, register);
  addCompletionCommands(program, register);
  return program;
}
