import type { HostResult } from '@edge-run/shared/protocol';
import { Redactor } from '@edge-run/shared/values';
import type { StoredPlan } from './run-record.ts';
import type { StepAnswer } from './step-kind.ts';

const KNOWN = new WeakMap<StoredPlan, Redactor>();

/** Knows the secrets of the pillar a plan was made with. */
export function redactorOf(stored: StoredPlan): Redactor {
  const known = KNOWN.get(stored) ?? new Redactor();
  if (!KNOWN.has(stored)) {
    known.learn(stored.pillar);
    KNOWN.set(stored, known);
  }
  return known;
}

/** What a step answered without the secrets it was given: it is journaled, shown, and handed to later steps. */
export function redactAnswer(answer: StepAnswer, redactor: Redactor): StepAnswer {
  if (!redactor.isNeeded) return answer;
  const { changes, data, hosts, foreseen, verb, ...rest } = answer;
  return {
    ...redactor.texts(rest),
    changes: redactor.value(changes),
    ...(verb === undefined ? {} : { verb }),
    ...(data === undefined ? {} : { data: redactor.value(data) }),
    ...(hosts === undefined ? {} : { hosts: mapped(hosts, (host) => redactHost(host, redactor)) }),
    ...(foreseen === undefined ? {} : { foreseen: { ...redactor.texts(foreseen), effect: foreseen.effect } }),
  };
}

function redactHost({ outcome, ret, ...rest }: HostResult, redactor: Redactor): HostResult {
  return { ...redactor.texts(rest), outcome, ...(ret === undefined ? {} : { ret: redactor.json(ret) }) };
}

function mapped<T>(record: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
