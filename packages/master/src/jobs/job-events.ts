import type { InstantMs, JsonValue } from '@edge-run/shared/kernel';
import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { encodeValue } from '@edge-run/shared/values';
import type { JobRecord } from './records.ts';

/** Something that happened to a job, for everybody: tags and their data are Salt's, with outcomes beside them. */
export interface JobNews {
  readonly tag: string;
  readonly data: JsonValue;
  /** The same for the same news: a master that takes a job up tells again what the one before may have told. */
  readonly id: string;
  readonly causedBy?: string;
  readonly at?: InstantMs;
}

/** `salt/job/<jid>/new`: it was published. */
export function newJobNews(record: JobRecord): JobNews {
  const { jid, fun, args, target, targetType, targets, by } = record;
  const data = { jid, fun, arg: args, tgt: target, tgt_type: targetType, minions: targets, missing: [], user: by };
  return { tag: `salt/job/${jid}/new`, id: `job-${jid}-new`, data, ...causeOf(record) };
}

/** `salt/job/<jid>/ret/<id>`: a target has its end, with or without a return. */
export function returnNews(record: JobRecord, id: string, answer: JobTargetAnswer): JobNews {
  const { jid, fun } = record;
  const { outcome, retcode, ret, evidence, error } = answer;
  const data = {
    ...{ jid, id, fun, ...argumentsOf(record), outcome, retcode, success: outcome === 'succeeded' },
    ...(ret === undefined ? {} : { return: encodeValue(ret) }),
    ...(evidence === undefined ? {} : { evidence }),
    ...(error === undefined ? {} : { error: { ...error } }),
  };
  return { tag: `salt/job/${jid}/ret/${id}`, id: `job-${jid}-ret-${id}`, data, ...causeOf(record) };
}

/** `salt/job/<jid>/end`: every target has its end. */
export function endNews(record: JobRecord, { targets: answers, stopped }: JobAnswer, at: InstantMs): JobNews {
  const { jid, fun } = record;
  const targets = Object.fromEntries([...answers].map(([id, { outcome }]) => [id, outcome]));
  const data = { jid, fun, targets, ...(stopped === undefined ? {} : { stopped }) };
  return { tag: `salt/job/${jid}/end`, id: `job-${jid}-end`, data, at, ...causeOf(record) };
}

/** Every target of a job tells them again: what is longer would crowd all other events out of their stream. */
const LONGEST_ARGUMENTS = 4_096;
const ARGUMENTS = new WeakMap<JobRecord, { readonly fun_args?: readonly JsonValue[] }>();

function argumentsOf(record: JobRecord): { readonly fun_args?: readonly JsonValue[] } {
  const known = ARGUMENTS.get(record);
  if (known !== undefined) return known;
  const all = [...record.args, ...keywordsOf(record)];
  const told = JSON.stringify(all).length > LONGEST_ARGUMENTS ? {} : { fun_args: all };
  ARGUMENTS.set(record, told);
  return told;
}

/** Keyword arguments as Salt writes them behind the positional ones. */
function keywordsOf({ kwargs }: JobRecord): readonly JsonValue[] {
  return kwargs.length === 0 ? [] : [{ ...Object.fromEntries(kwargs), __kwarg__: true }];
}

function causeOf({ causedBy }: JobRecord): { readonly causedBy?: string } {
  return causedBy === undefined ? {} : { causedBy };
}
