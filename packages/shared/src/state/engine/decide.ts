import { PyMap } from '../../values/index.ts';
import type { RunAction, StateReturn } from '../contract.ts';
import { failedRequisites, type RequisiteStatus, wasCalledFor } from './requisites.ts';
import type { RunState } from './state.ts';
import { itemAt } from './vector.ts';

/**
 * What is to happen next; empty while everything waits for steps that were started. Pure. Costs only what is ready:
 * ask again after every fact, or after several.
 *
 * States run one at a time in compiled order. Parallel ones start when their turn has come and their requisites have
 * ended, and hold up only what requires them.
 */
export function decide(run: RunState): readonly RunAction[] {
  if (run.active.length === 0 && isOver(run)) return [{ kind: 'end-run', succeeded: !run.failed }];
  if (run.halted) return [];
  const actions = run.ready.map((node) => actionOf(run, node));
  const turn = nodeOnTurn(run);
  if (turn !== undefined) actions.push(actionOf(run, turn));
  return actions;
}

function isOver(run: RunState): boolean {
  return run.halted || (run.unended === 0 && run.listenerTurn === run.graph.listeners.length);
}

function nodeOnTurn(run: RunState): number | undefined {
  const { graph, turn, unended, listenerTurn } = run;
  const node = unended === 0 ? graph.listeners[listenerTurn] : graph.sequence[turn];
  if (node === undefined) return undefined;
  const { status, missing } = itemAt(run.records, node);
  return status === 'waiting' && missing === 0 ? node : undefined;
}

function actionOf(run: RunState, node: number): RunAction {
  const { kind, chunk } = run.graph.nodes[node]!;
  const step = chunk.key;
  if (kind === 'react') return { kind: 'start-step', step, mode: 'react' };
  const status = wasCalledFor(run, node);
  if (status === 'met' || status === 'change') {
    const mode = kind === 'foresee' ? 'foresee' : status === 'change' ? 'watch' : 'run';
    return { kind: 'start-step', step, mode };
  }
  return { kind: 'skip-step', step, answer: skipAnswer(run, node, status) };
}

function skipAnswer(run: RunState, node: number, status: Exclude<RequisiteStatus, 'met' | 'change'>): StateReturn {
  const changes = new PyMap();
  switch (status) {
    case 'fail': {
      const failed = failedRequisites(run, node).join(', ');
      return { result: false, changes, comment: `One or more requisite failed: ${failed}` };
    }
    case 'pre':
      return { result: true, changes, comment: 'No changes detected' };
    case 'onfail':
      return { result: true, changes, ran: false, comment: 'State was not run because onfail req did not change' };
    case 'onchanges': {
      const comment = 'State was not run because none of the onchanges reqs changed';
      return { result: true, changes, ran: false, comment };
    }
  }
}
