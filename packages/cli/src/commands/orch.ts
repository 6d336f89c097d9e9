import type { Command } from 'commander';
import { addOrchControl } from './orch-control.ts';
import { addOrchSimulate } from './orch-simulate.ts';
import { addOrchViews } from './orch-views.ts';
import { type Register, wordAt, wordsAt } from './registry.ts';
import { startOrchestration } from './start-run.ts';

/** `orch NAME [k=v…]` and what is done with runs. */
export function addOrchCommands(program: Command, register: Register): void {
  const orch = program.command('orch').summary('run orchestrations and look at their runs');
  orch.addHelpText('after', '\nExample:  edge-run orch deploy-environment pillarenv=prod');
  register(
    orch
      .command('run <name> [args...]', { isDefault: true })
      .summary('start an orchestration and follow it; saltenv=, pillarenv=, pillar=, test=, exclude='),
    (session, words) => startOrchestration(session, [wordAt(words, 0), ...wordsAt(words, 1)]),
  );
  addOrchViews(orch, register);
  addOrchControl(orch, register);
  addOrchSimulate(orch, register);
}
