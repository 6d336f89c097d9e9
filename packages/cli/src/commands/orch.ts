import type { Command } from 'commander';
import { addOrchControl } from './orch-control.ts';
import { planOrchestration } from './orch-plan.ts';
import { addOrchSimulate } from './orch-simulate.ts';
import { addOrchViews } from './orch-views.ts';
import { readRunRequest } from './read-run-request.ts';
import { type Register, textOption, wordAt, wordsAt } from './registry.ts';
import { startOrchestration } from './start-orchestration.ts';

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
  register(
    orch
      .command('plan <name> [args...]')
      .summary('say what a run would do: every call, every change that can be known; changes nothing')
      .option('--save <file>', 'keep the plan; `edge-run apply FILE` runs exactly that, or refuses')
      .option('--detailed-exitcode', 'exit 3 when something would change')
      .option('--strict', 'fail when the effect of a step is not known'),
    async (session, words, options) => {
      const request = await readRunRequest([wordAt(words, 0), ...wordsAt(words, 1)], session.literalWords);
      return planOrchestration(session, request, {
        strict: options.strict === true,
        detailedExitcode: options.detailedExitcode === true,
        save: textOption(options, 'save').save,
      });
    },
  );
  addOrchViews(orch, register);
  addOrchControl(orch, register);
  addOrchSimulate(orch, register);
}
