import type { JsonValue } from '@edge-run/shared/kernel';
import type { RunJournalEvent, StepReturn } from '@edge-run/shared/protocol';
import { elapsedMs, type RunView, type StepView } from '@edge-run/shared/view';
import { phaseText, signOf, signOfStep } from './run-lines.ts';
import { type Style, sanitize } from './style.ts';
import { formatDuration, formatInstant } from './times.ts';
import { formatValue } from './values.ts';

/** Everything that is known of some steps of a run, and of one host or all of them. */
export interface StepDetail {
  readonly step: StepView;
  /** Id → what that host returned, encoded; where it did. */
  readonly returns: Readonly<Record<string, JsonValue>>;
  /** What the step found out beside its changes, encoded. */
  readonly data?: JsonValue;
}

/** The steps that are meant (all when `step` is absent) that have to do with `target` (any when absent). */
export function stepDetails(
  view: RunView,
  events: readonly RunJournalEvent[],
  only: { readonly step?: string; readonly target?: string },
): readonly StepDetail[] {
  const answers = new Map<string, StepReturn>();
  for (const event of events) {
    if (event.type === 'step-ended' || event.type === 'run-asked') answers.set(event.step, event.answer);
    if (event.type === 'run-planned') for (const { step, answer } of event.kept ?? []) answers.set(step, answer);
  }
  return view.steps
    .filter(({ id, key, name }) => only.step === undefined || [id, key, name].includes(only.step))
    .filter(({ hosts }) => only.target === undefined || only.target in hosts)
    .map((step) => {
      const hosts = Object.entries(step.hosts).filter(([id]) => only.target === undefined || id === only.target);
      const { hosts: given = {}, data } = answers.get(step.key) ?? {};
      const returns = hosts.flatMap(([id]) => (given[id]?.ret === undefined ? [] : [[id, given[id].ret] as const]));
      const shown = { ...step, hosts: Object.fromEntries(hosts) };
      return { step: shown, returns: Object.fromEntries(returns), ...(data === undefined ? {} : { data }) };
    });
}

/** The details for a person: what the step is, how it went, what it changed, and each host with its return. */
export function renderStepDetails(details: readonly StepDetail[], now: number, style: Style): string {
  return details.map((detail) => `${detailLines(detail, now, style).join('\n')}\n`).join('\n');
}

function detailLines({ step, returns, data }: StepDetail, now: number, style: Style): string[] {
  const [sign, paint] = signOfStep(step, style);
  const took = elapsedMs(step, now);
  const changes = step.changes === undefined || step.changes === null ? [] : formatValue(step.changes);
  const facts: (readonly [string, string | undefined])[] = [
    ['kind', step.kind],
    ['name', step.name === step.id ? undefined : step.name],
    ['target', step.target],
    ['place', step.place === undefined ? undefined : `${step.place.file}:${step.place.line}`],
    ['attempts', step.attempt > 1 ? String(step.attempt) : undefined],
    ['started', step.startedAt === undefined ? undefined : formatInstant(step.startedAt)],
    ['took', took === undefined ? undefined : formatDuration(took)],
    ['answered', step.answered === undefined ? undefined : `${step.answered.choice} by ${step.answered.by}`],
  ];
  return [
    `${paint(sign)} ${style.bold(sanitize(step.id))}   ${step.asked === undefined ? step.status : 'failed, what now?'}${step.kept ? ', kept from an earlier run' : ''}`,
    ...facts.flatMap(([label, value]) => (value === undefined ? [] : [`  ${label.padEnd(9)} ${sanitize(value)}`])),
    ...block('comment', (step.comment ?? '').trimEnd().split('\n')),
    ...block('changes', changes.join('') === '{}' ? [] : changes),
    ...block('data', data === undefined ? [] : formatValue(data)),
    ...Object.entries(step.hosts).flatMap(([id, host]) => {
      const [hostSign, paintHost] = signOf(host.outcome ?? 'running', style);
      const state = host.outcome ?? phaseText(host.phase);
      const head = `  ${paintHost(hostSign)} ${sanitize(id)}   ${sanitize(state)}`;
      const evidence = host.evidence === undefined ? [] : [host.evidence];
      const ret = returns[id] === undefined ? [] : formatValue(returns[id]);
      return [head, ...[...evidence, ...ret].map((line) => `    │ ${sanitize(line)}`)];
    }),
  ];
}

function block(label: string, lines: readonly string[]): string[] {
  const shown = lines.filter((line) => line !== '');
  return shown.length === 0 ? [] : [`  ${label}`, ...shown.map((line) => `    │ ${sanitize(line)}`)];
}
