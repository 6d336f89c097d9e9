import { type RunView, type RunWait, runWaits } from '@edge-run/shared/view';
import { movedTexts } from './run-moved.ts';
import { type Style, sanitize } from './style.ts';
import { formatAge, formatDuration, formatWhen } from './times.ts';
import { formatInline } from './values.ts';

/** What a title and the waits below it are made for. */
export interface TitleOptions {
  readonly now: number;
  readonly width: number;
  readonly style: Style;
  /** Other runs by id, where they are known: who holds a lock, what undoes the steps. */
  readonly related?: Readonly<Record<string, RunView>>;
}

/** Inputs that say nothing where they have these values. */
const USUAL_INPUTS: Readonly<Record<string, unknown>> = { saltenv: 'base', test: false };

/** `run 01K9A2C  deploy-environment  pillarenv=prod  by deploy  lock env/prod (held)`. */
export function runTitle(view: RunView): string {
  const inputs = Object.entries(view.inputs)
    .filter(([name, value]) => USUAL_INPUTS[name] !== value)
    .map(([name, value]) => `${name}=${formatInline(value)}`);
  const locks = view.lock?.state === 'held' ? view.lock.locks : [];
  return [
    `run ${view.run}`,
    view.name,
    ...inputs,
    view.by === '' ? '' : `by ${view.by}`,
    locks.length === 0 ? '' : `lock ${locks.join(', ')} (held)`,
    view.retryOf === undefined ? '' : `takes up run ${view.retryOf}`,
    view.rollbackOf === undefined ? '' : `undoes run ${view.rollbackOf}`,
    view.root === undefined || view.root === view.run ? '' : `for run ${view.root}`,
  ]
    .filter((part) => part !== '')
    .map(sanitize)
    .join('  ');
}

/** What is to be known before the steps: what the run waits for and what to type, who ends it, what it leaves out. */
export function noticeLines(view: RunView, options: TitleOptions, fit: (text: string) => string): string[] {
  const lines = [...waitLines(view, options), ...abortLines(view), ...movedLines(view), ...droppedLines(view)];
  return lines.map((text) => options.style.yellow(fit(text)));
}

/** The waits of a run with the commands that end them, the likeliest first. */
export function waitLines(view: RunView, options: TitleOptions): string[] {
  return waitsOf(view, options).flatMap(({ text, since, commands, kind }) => {
    const sign = kind === 'answer' || kind === 'approval' ? '?' : '⏸';
    const elapsed = since === undefined ? '' : `   ${formatDuration(Math.max(0, options.now - since))}`;
    const verb = kind === 'lock' ? 'waits: ' : kind === 'approval' ? 'waits for ' : '';
    const next = commands.map((command, index) => `  ${index === 0 ? 'next:' : '  or:'} ${command}`);
    return [`${sign} ${verb}${sanitize(text)}${elapsed}`, ...next];
  });
}

/** What a run waits for, with times as somebody reads them who looks now. */
export function waitsOf(
  view: RunView,
  { now, related = {} }: Pick<TitleOptions, 'now' | 'related'>,
): readonly RunWait[] {
  const when = (at: number): string => formatWhen(at, { now, relative: true });
  return runWaits(view, { when, related: (run) => related[run] });
}

/** Who agreed so far: one line each. */
export function approvalLines(view: RunView, now: number): string[] {
  const said = (verb: string, { by, at, step, comment }: NonNullable<RunView['rejection']>): string => {
    const what = step === undefined ? '' : `, step ${view.steps.find(({ key }) => key === step)?.id ?? step},`;
    return `${verb} by ${by}${what} ${formatAge(now - at)} ago${comment === undefined ? '' : `: ${comment}`}`;
  };
  return [
    ...(view.approvals ?? []).map((approval) => said('approved', approval)),
    ...(view.rejection === undefined ? [] : [said('rejected', view.rejection)]),
  ].map(sanitize);
}

function abortLines({ abort, endedAt, rollback }: RunView): string[] {
  if (abort === undefined || endedAt !== undefined || rollback !== undefined) return [];
  return [sanitize(`✗ ending: ${abort.reason} (${abort.by})`)];
}

function movedLines(view: RunView): string[] {
  return movedTexts(view, view.moved).map((text) => sanitize(`~ ${text}`));
}

function droppedLines({ dropped, steps }: RunView): string[] {
  return Object.entries(dropped ?? {}).map(([host, key]) => {
    const step = steps.find((candidate) => candidate.key === key)?.id ?? key;
    return sanitize(`! ${host} is left out: it failed in ${step}`);
  });
}
