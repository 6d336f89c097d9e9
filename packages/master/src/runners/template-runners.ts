import { EdgeError, newId } from '@edge-run/shared/kernel';
import type { Runners } from '@edge-run/shared/modules/contract';
import type { RunnerCalls, WheelCalls } from '../orchestration/index.ts';

/** The functions of a master, as templates call them. */
export interface MasterCalls {
  readonly runners: RunnerCalls;
  readonly wheels: WheelCalls;
}

/** Runners for templates (`salt.saltutil.runner`); `calls` is asked late, since runners render templates themselves. */
export function templateRunners(calls: () => MasterCalls | undefined): Runners {
  return {
    call: async ({ kind, name, args, kwargs }, signal) => {
      const made = calls();
      if (made === undefined)
        throw new EdgeError('EDGE_NOT_SUPPORTED', `${name}: the master is still starting`, { name });
      const { answer } = await (kind === 'runner' ? made.runners : made.wheels).call({
        ...{ name, args, kwargs, signal },
        by: 'template',
        key: newId(),
        report: () => {},
      });
      return answer;
    },
  };
}
