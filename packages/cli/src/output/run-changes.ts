import type { RunJournalEvent, StepProgress } from '@edge-run/shared/protocol';
import { type RunView, shortDigest } from '@edge-run/shared/view';
import { hostsText } from './run-moved.ts';

/** One event in words: `step web-tier target web2 phase health 2/3`. */
export function changeText(view: RunView, event: RunJournalEvent | StepProgress): string {
  switch (event.type) {
    case 'run-planned':
      return `run ${event.run} ${event.name} planned: ${event.steps.length} steps, by ${event.by}`;
    case 'run-adopted':
      return `run ${event.run} driven by ${event.master}`;
    case 'step-started':
      return `step ${stepName(view, event.step)} started${event.attempt > 1 ? ` attempt ${event.attempt}` : ''}${event.mode === 'run' ? '' : ` (${event.mode})`}`;
    case 'step-progress': {
      const host = event.host === undefined ? '' : ` target ${event.host}`;
      return `step ${stepName(view, event.step)}${host} phase ${event.phase}${event.detail === undefined ? '' : ` ${event.detail}`}`;
    }
    case 'step-ended': {
      const comment = event.answer.comment.split('\n')[0]!;
      const why = event.outcome === 'succeeded' || comment === '' ? '' : `: ${comment}`;
      return `step ${stepName(view, event.step)} ${event.outcome} in ${(event.durationMs / 1000).toFixed(1)}s${why}`;
    }
    case 'run-ended':
      return `run ${event.run} ${event.outcome}${event.error === undefined ? '' : `: ${event.error.message}`}`;
    default:
      return gateText(view, event);
  }
}

type StepEvent = 'run-planned' | 'run-adopted' | 'step-started' | 'step-progress' | 'step-ended' | 'run-ended';
type GateEvent = Exclude<RunJournalEvent, { type: StepEvent }>;

/** What people, locks and rollbacks do to a run, in words. */
function gateText(view: RunView, event: GateEvent): string {
  switch (event.type) {
    case 'run-queued': {
      const holders = event.holders.map(({ lock, run, by }) => `${lock} held by run ${run} of ${by}`);
      return `run ${event.run} queued for ${event.locks.join(', ')}, position ${event.position}${tail(holders.join('; '))}`;
    }
    case 'run-locked':
      return `run ${event.run} has its locks: ${event.locks.join(', ')}`;
    case 'run-approved':
      return `run ${event.run} approved by ${event.by}${stepOf(view, event.step)} (plan ${shortDigest(event.digest)})${tail(event.comment)}`;
    case 'run-rejected':
      return `run ${event.run} rejected by ${event.by}${stepOf(view, event.step)}${tail(event.comment)}`;
    case 'run-paused':
      return `run ${event.run} paused by ${event.by}${tail(event.reason)}`;
    case 'run-resumed':
      return `run ${event.run} resumed by ${event.by}`;
    case 'run-aborting':
      return `run ${event.run} is being ended by ${event.by}${tail(event.reason)}`;
    case 'run-moved':
      return movedText(view, event);
    case 'run-asked':
      return `step ${stepName(view, event.step)} failed and asks what now${tail(event.answer.comment.split('\n')[0])}`;
    case 'run-answered':
      return `step ${stepName(view, event.step)}: ${event.by} says ${event.choice}`;
    case 'hosts-dropped':
      return `step ${stepName(view, event.step)} failed on ${event.hosts.join(', ')}: left out from now on`;
    case 'run-rolling-back':
      return `run ${event.run} rolling back ${event.steps.length} steps as run ${event.rollback}${tail(event.reason)}`;
    case 'run-rolled-back':
      return `run ${event.run} rollback ${event.rollback} ${event.outcome}: ${event.steps.length} steps undone`;
    default:
      // A newer master may tell of more than this version has words for.
      return `run ${view.run} ${(event as { readonly type: string }).type}`;
  }
}

/** What runs now, in words; what is waited for is told apart. */
export function runningText(view: RunView): string {
  const running = view.steps.filter((step) => step.status === 'running');
  const parts = running.map((step) => {
    const hosts = Object.entries(step.hosts)
      .filter(([, host]) => host.outcome === undefined)
      .map(([id]) => id);
    return hosts.length === 0 ? step.id : `${step.id} ${hosts.slice(0, 5).join(',')}${hosts.length > 5 ? ',…' : ''}`;
  });
  return parts.join('; ') || 'no step';
}

function movedText(view: RunView, { run, moved, fleet = [] }: Extract<GateEvent, { type: 'run-moved' }>): string {
  const inputs = moved.map(({ what, was, is }) => `${what} ${was} -> ${is}`);
  const targets = fleet.map(({ target, steps, came, gone }) => {
    const names = steps.map((key) => stepName(view, key)).join(', ');
    return `target ${target} (${names}) ${hostsText(came, gone)}`;
  });
  const what = inputs.length === 0 ? 'moved since its plan was made' : 'goes on with its stored plan; moved since';
  return `run ${run} ${what}: ${[...inputs, ...targets].join(', ')}`;
}

function stepName(view: RunView, key: string): string {
  return view.steps.find((step) => step.key === key)?.id ?? key;
}

function stepOf(view: RunView, step: string | undefined): string {
  return step === undefined ? '' : `, step ${stepName(view, step)}`;
}

function tail(text: string | undefined): string {
  return text === undefined || text === '' ? '' : `: ${text}`;
}
