import type { RunJournalEvent, StepProgress } from '@edge-run/shared/protocol';
import { type RunView, runEventOf } from '@edge-run/shared/view';
import type { Io } from '../io.ts';
import { STREAM_VERSION } from '../output/emit.ts';
import { renderRunTree } from '../output/run-tree.ts';
import { type Style, sanitize } from '../output/style.ts';
import { formatInstant } from '../output/times.ts';
import type { Watcher } from './follow.ts';
import { createLiveRegion } from './live-region.ts';

const HEARTBEAT_MS = 10_000;

/** A tree redrawn in place on stderr. */
export function treeWatcher(io: Io, style: Style): Watcher<RunView> {
  const region = createLiveRegion(io.stderr);
  const draw = (view: RunView): void =>
    region.draw(
      renderRunTree(view, {
        now: io.clock.now(),
        width: (io.stderr.columns ?? 80) - 1,
        height: (io.stderr.rows ?? 24) - 1,
        style,
      }),
    );
  return { changed: draw, tick: draw, close: () => region.clear() };
}

/** One line on stderr for each change, and a sign of life after 10 s without one. */
export function lineWatcher(io: Io): Watcher<RunView> {
  let wroteAt = io.clock.now();
  const write = (text: string): void => {
    wroteAt = io.clock.now();
    io.stderr.write(`${formatInstant(wroteAt)} ${sanitize(text)}\n`);
  };
  return {
    changed(view, event) {
      const change = event === undefined ? undefined : runEventOf(event);
      if (change === undefined) write(`run ${view.run} ${view.name} ${view.status}`);
      else write(changeText(view, change));
    },
    tick(view) {
      if (io.clock.now() - wroteAt < HEARTBEAT_MS) return;
      const since = view.startedAt === undefined ? '' : ` [${Math.round((io.clock.now() - view.startedAt) / 1000)}s]`;
      write(`run ${view.run} still running: ${runningText(view)}${since}`);
    },
    close: () => {},
  };
}

/** Journal events and progress as JSON lines on stdout; a snapshot is written as the events it stands for. */
export function jsonLineWatcher(io: Io): Watcher<RunView> {
  const write = (line: unknown): void => io.stdout.write(`${JSON.stringify(line)}\n`);
  write(STREAM_VERSION);
  return {
    changed: (view, event) =>
      write(event === undefined ? { type: 'snapshot', run: view.run, view } : runEventOf(event)),
    tick: () => {},
    close: () => {},
  };
}

/** Shows nothing. */
export const silentWatcher: Watcher<unknown> = { changed: () => {}, tick: () => {}, close: () => {} };

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
      return '';
  }
}

function runningText(view: RunView): string {
  const running = view.steps.filter((step) => step.status === 'running');
  const parts = running.map((step) => {
    const hosts = Object.entries(step.hosts)
      .filter(([, host]) => host.outcome === undefined)
      .map(([id]) => id);
    return hosts.length === 0 ? step.id : `${step.id} ${hosts.slice(0, 5).join(',')}${hosts.length > 5 ? ',…' : ''}`;
  });
  return parts.join('; ') || 'no step yet';
}

function stepName(view: RunView, key: string): string {
  return view.steps.find((step) => step.key === key)?.id ?? key;
}
