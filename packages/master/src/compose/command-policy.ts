import type { Catalog } from '@edge-run/shared/modules/contract';
import { commandOfCall } from '@edge-run/shared/modules/execution';
import {
  type CommandPolicySettings,
  type CommandRequest,
  type PolicyHost,
  requireAllowed,
} from '@edge-run/shared/policy';
import { parseArguments } from '@edge-run/shared/schema';
import type { PyMap } from '@edge-run/shared/values';
import { revealValue } from '@edge-run/shared/values';
import { type JobRunRequest, typedWords } from '../jobs/index.ts';
import type { Nodes } from '../nodes/index.ts';

/** A host as the command policy sees it: by its id and what its facts say about where it belongs. */
export function policyHost(id: string, facts: PyMap): PolicyHost {
  const text = (name: string): string | undefined => {
    const value = facts.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  return { id, environment: text('pillarenv') ?? 'base', space: text('space') };
}

/**
 * Judges the `cmd` functions of jobs before they are on record: for hosts of the roster, and for minions where the
 * policy says so. A job that one of its targets may not have is sent to none.
 */
export function judgeJobs(
  settings: CommandPolicySettings,
  { nodes, catalog }: { readonly nodes: Nodes; readonly catalog: Catalog },
): (request: JobRunRequest, targets: readonly string[]) => void {
  return (request, targets) => {
    if (settings === 'off') return;
    const command = commandOf(request, catalog);
    if (command === undefined) return;
    for (const id of targets) {
      const kind = nodes.kindOf(id);
      if (kind === 'ssh' || (kind === 'minion' && settings.minions)) {
        requireAllowed(settings, command, policyHost(id, nodes.factsOf(id)));
      }
    }
  };
}

/** The command of a call; undefined where it is none, or one that its host will refuse to understand. */
function commandOf({ fun, args = [], kwargs, typed }: JobRunRequest, catalog: Catalog): CommandRequest | undefined {
  const module = fun.startsWith('cmd.') ? catalog.functions.get(fun) : undefined;
  if (module === undefined) return undefined;
  const shown = new Map([...(kwargs ?? [])].map(([name, value]) => [name, revealValue(value)]));
  const parsed = parseArguments(module, {
    args: args.map((arg) => revealValue(arg)),
    kwargs: shown,
    typed: typedWords(typed),
  });
  return parsed.value === undefined ? undefined : commandOfCall(fun, parsed.value);
}
