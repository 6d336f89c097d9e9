import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import {
  type AnswerGroup,
  countOutcomes,
  groupByAnswer,
  type JobHostView,
  type JobView,
  readHostPlan,
  readStateReturns,
  type StatesView,
} from '@edge-run/shared/view';
import { renderStates, type StateDetail } from './highstate.ts';
import { padTo, type Style, sanitize, visibleWidth } from './style.ts';
import { formatDuration } from './times.ts';
import { formatValue, plainJson } from './values.ts';

const LABEL_AT_MOST = 32;

/** How answers are laid out. */
export interface AnswerOptions {
  readonly style: Style;
  readonly detail: StateDetail;
  /** Lines of a return that is more than data; undefined for one it does not know. */
  readonly layOut?: (ret: JsonValue, style: Style) => readonly string[] | undefined;
}

/** What the targets answered: equal answers together, failures and those who did not answer last. */
export function renderJobAnswers(view: JobView, options: AnswerOptions): string {
  const groups = groupByAnswer(Object.entries(view.hosts), answerKey);
  const ordered = [...groups.filter(({ answer }) => isOk(answer)), ...groups.filter(({ answer }) => !isOk(answer))];
  const width = Math.min(LABEL_AT_MOST, Math.max(0, ...ordered.map(({ label }) => visibleWidth(label))));
  const lines = ordered.flatMap((group) => groupLines(group, width, options));
  const stopped = view.stopped === undefined ? [] : [options.style.red(`✗ stopped: ${sanitize(view.stopped)}`)];
  return [...lines, ...stopped].map((line) => `${line}\n`).join('');
}

/** `3 ok, 1 unreachable   1.9 s`. */
export function jobSummaryLine(view: JobView, now: number): string {
  const names = { succeeded: 'ok', waiting: 'without answer yet' } as const;
  const counts = [...countOutcomes(view)].map(
    ([outcome, count]) => `${count} ${outcome in names ? names[outcome as keyof typeof names] : outcome}`,
  );
  const took = view.startedAt === undefined ? '' : `   ${formatDuration((view.endedAt ?? now) - view.startedAt)}`;
  return `${counts.join(', ') || '0 targets'}${took}`;
}

/** The job as data: each target's outcome, return and error. */
export function jobJson(view: JobView): JsonObject {
  const targets = Object.fromEntries(Object.entries(view.hosts).map(([id, host]) => [id, hostJson(host)]));
  const { jid, fun, target, by, startedAt, endedAt, stopped } = view;
  return { jid, fun, target, by, startedAt: rfc3339(startedAt), endedAt: rfc3339(endedAt), stopped, targets };
}

/** One target's end as data. */
export function hostJson(host: JobHostView): JsonObject {
  const { outcome, ret, retcode, evidence, error, durationMs } = host;
  return {
    outcome: outcome ?? null,
    ...(ret === undefined ? {} : { ret: plainJson(ret) }),
    retcode,
    evidence,
    durationMs,
    error: error as unknown as JsonObject | undefined,
  };
}

function groupLines(
  { ids, label, answer }: AnswerGroup<JobHostView>,
  width: number,
  { style, detail, layOut }: AnswerOptions,
): string[] {
  const [sign, paint] = signOf(answer, style);
  const alike = detail === 'plan' && answer.outcome === 'succeeded' ? ', same plan' : '';
  const count = ids.length > 1 ? `   (${ids.length} hosts${alike})` : '';
  const states = statesOf(answer);
  if (states !== undefined) {
    return [paint(`${sign} ${label}${count}`), ...renderStates(states, style, detail).map((line) => `    ${line}`)];
  }
  const laidOut = answer.ret === undefined ? undefined : layOut?.(answer.ret, style);
  if (laidOut !== undefined) return [paint(`${sign} ${label}${count}`), ...laidOut.map((line) => `    ${line}`)];
  const lines = answerLines(answer);
  if (lines.length === 1 && visibleWidth(label) <= width) {
    return [`${paint(sign)} ${padTo(label, width)}   ${lines[0]}${count}`];
  }
  return [`${paint(sign)} ${label}${count}`, ...lines.map((line) => `    ${line}`)];
}

function answerLines(host: JobHostView): readonly string[] {
  const said = saidBy(host);
  const error =
    host.error === undefined
      ? []
      : [
          `${host.error.code} ${sanitize(host.error.message)}`,
          ...(host.error.hint === undefined ? [] : [`help: ${sanitize(host.error.hint)}`]),
        ];
  if (host.outcome === 'succeeded') return said.length > 0 ? said : ['None'];
  const outcome = host.outcome ?? 'no answer yet';
  const code = host.outcome === 'failed' && host.retcode !== undefined ? ` (exit ${host.retcode})` : '';
  // That a code was returned says nothing beside what was returned with it.
  const isOnlyCode = said.length > 0 && /returned code \d+$/.test(host.evidence ?? '');
  const isKnown = host.evidence === undefined || host.evidence === host.error?.message || isOnlyCode;
  const why = isKnown ? [] : [sanitize(host.evidence ?? '')];
  const known = new Set([host.error?.message, host.evidence]);
  const details = [...error, ...why, ...(known.has(said.join('\n')) ? [] : said)];
  return details.length === 1 ? [`${outcome}${code}: ${details[0]}`] : [`${outcome}${code}`, ...details];
}

/** What a function answered; where it failed with a list of errors, those as they are. */
function saidBy({ ret, outcome }: JobHostView): readonly string[] {
  if (ret === undefined || ret === null) return [];
  const isErrors = outcome === 'failed' && Array.isArray(ret) && ret.every((text) => typeof text === 'string');
  return isErrors ? ret.flatMap((text) => sanitize(String(text)).split('\n')) : formatValue(ret);
}

function signOf(host: JobHostView, style: Style): readonly [string, (text: string) => string] {
  switch (host.outcome) {
    case undefined:
      return ['·', style.dim];
    case 'succeeded':
      return [' ', style.green];
    case 'unreachable':
    case 'no-return':
      return ['!', style.yellow];
    default:
      return ['✗', style.red];
  }
}

/** The states a host answered with, also as part of a plan. */
function statesOf({ ret }: JobHostView): StatesView | undefined {
  return ret === undefined ? undefined : readStateReturns(readHostPlan(ret)?.states ?? ret);
}

/** Durations and start times differ everywhere; what counts is what was done. */
function answerKey(host: JobHostView): JsonValue {
  const states = statesOf(host);
  const ret = states === undefined ? host.ret : states.states.map(({ durationMs: _took, ...line }) => line);
  return [
    host.outcome ?? '',
    (ret ?? null) as unknown as JsonValue,
    host.error?.message ?? '',
    host.evidence ?? '',
    host.retcode ?? 0,
  ];
}

function isOk(host: JobHostView): boolean {
  return host.outcome === 'succeeded';
}

function rfc3339(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}
