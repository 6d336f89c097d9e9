import { runEventOf } from '@edge-run/shared/view';
import type { Io } from '../io.ts';
import { STREAM_VERSION } from '../output/emit.ts';
import { changeText, runningText } from '../output/run-changes.ts';
import { waitLines } from '../output/run-title.ts';
import { renderRunTree } from '../output/run-tree.ts';
import { plainStyle, type Style, sanitize } from '../output/style.ts';
import { formatInstant } from '../output/times.ts';
import type { Watcher } from './follow.ts';
import { createLiveRegion } from './live-region.ts';
import { memberOf, type RunFamily } from './run-family.ts';

const HEARTBEAT_MS = 10_000;

/** A tree redrawn in place on stderr, with `hint` below it. */
export function treeWatcher(io: Io, style: Style, hint: string): Watcher<RunFamily> {
  const region = createLiveRegion(io.stderr);
  const draw = ({ view, ...known }: RunFamily): void =>
    region.draw(
      renderRunTree(view, {
        ...known,
        now: io.clock.now(),
        width: (io.stderr.columns ?? 80) - 1,
        height: (io.stderr.rows ?? 24) - 1,
        style,
        hint,
      }),
    );
  return { isDrawn: true, changed: draw, tick: draw, close: () => region.clear() };
}

/** One line on stderr for each change and each new wait, and a sign of life after 10 s without one. */
export function lineWatcher(io: Io): Watcher<RunFamily> {
  let wroteAt = io.clock.now();
  let waits = '';
  const write = (text: string): void => {
    wroteAt = io.clock.now();
    io.stderr.write(`${formatInstant(wroteAt)} ${sanitize(text)}\n`);
  };
  /** What it waits for, when that is something else than before; times that only grow are not news. */
  const writeWaits = ({ view, related }: RunFamily): void => {
    const lines = waitLines(view, { now: io.clock.now(), width: Number.POSITIVE_INFINITY, style: plainStyle, related });
    const key = `${view.status} ${view.lock?.position ?? ''} ${view.approvals?.length ?? 0} ${view.asking.join(' ')}`;
    if (lines.length > 0 && key !== waits) for (const line of lines) write(`run ${view.run} ${line.trim()}`);
    waits = key;
  };
  return {
    changed(family, event) {
      const change = event === undefined ? undefined : runEventOf(event);
      const { view } = family;
      if (change === undefined) write(`run ${view.run} ${view.name} ${view.status}`);
      else write(changeText(memberOf(family, change.run), change));
      writeWaits(family);
    },
    tick({ view }) {
      if (io.clock.now() - wroteAt < HEARTBEAT_MS) return;
      const since = view.startedAt === undefined ? '' : ` [${Math.round((io.clock.now() - view.startedAt) / 1000)}s]`;
      write(`run ${view.run} still ${view.status}: ${runningText(view)}${since}`);
    },
    close: () => {},
  };
}

/** Journal events and progress as JSON lines on stdout; a snapshot is written as the view it leads to. */
export function jsonLineWatcher(io: Io): Watcher<RunFamily> {
  const write = (line: unknown): void => io.stdout.write(`${JSON.stringify(line)}\n`);
  write(STREAM_VERSION);
  return {
    changed: ({ view }, event) =>
      write(event === undefined ? { type: 'snapshot', run: view.run, view } : runEventOf(event)),
    tick: () => {},
    close: () => {},
  };
}

/** Shows nothing. */
export const silentWatcher: Watcher<unknown> = { changed: () => {}, tick: () => {}, close: () => {} };
