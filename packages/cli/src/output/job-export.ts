import type { JobDetails } from '@edge-run/shared/protocol';
import { type JobHostView, type JobView, readStateReturns } from '@edge-run/shared/view';
import type { Session } from '../session.ts';
import { emitData } from './emit.ts';
import { jobJson } from './job-result.ts';
import { formatInline, formatValue, plainJson } from './values.ts';

/** Prints a whole job: JSON unless another format is asked for; `csv` has a line for each target (RFC 4180). */
export async function exportJob(session: Session, details: JobDetails, view: JobView): Promise<void> {
  const { flags, io } = session;
  if (flags.out === 'csv') io.stdout.write(jobCsv(view));
  else if (flags.out === 'junit') io.stdout.write(jobJunit(view));
  else {
    const { args, kwargs, rerunOf } = details;
    await emitData(session, {
      ...jobJson(view),
      arguments: args.map(plainJson),
      keywords: Object.fromEntries(kwargs.map(([name, value]) => [name, plainJson(value)])),
      ...(rerunOf === undefined ? {} : { rerunOf }),
    });
  }
}

const CSV_COLUMNS = ['jid', 'function', 'target', 'outcome', 'retcode', 'evidence', 'return'] as const;

function jobCsv({ jid, fun, hosts }: JobView): string {
  const rows = Object.entries(hosts).map(([id, { outcome = '', retcode, evidence = '', ret }]) => [
    ...[jid, fun, id, outcome, retcode === undefined ? '' : String(retcode), evidence],
    ret === undefined ? '' : formatInline(ret),
  ]);
  return [[...CSV_COLUMNS], ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}

/** Spreadsheets run what begins with `=`, `+`, `-` or `@` as a formula: an apostrophe makes it text. */
function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

interface TestCase {
  readonly host: string;
  readonly name: string;
  /** Undefined for what went well. */
  readonly problem: { readonly kind: 'failure' | 'error'; readonly type: string; readonly text: string } | undefined;
  readonly seconds?: number;
}

/** One test case for each state of each target, or for the target where its return holds no states. */
function jobJunit({ jid, fun, hosts, startedAt }: JobView): string {
  const cases = Object.entries(hosts).flatMap(([id, host]) => testCases(id, fun, host));
  const count = (kind: string): number => cases.filter(({ problem }) => problem?.kind === kind).length;
  const counts = `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}"`;
  const at = startedAt === undefined ? '' : ` timestamp="${new Date(startedAt).toISOString().slice(0, 19)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${xml(fun)}" id="${xml(jid)}" ${counts}${at}>`,
    ...cases.flatMap(caseLines),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCases(host: string, fun: string, view: JobHostView): readonly TestCase[] {
  const states = view.ret === undefined ? undefined : readStateReturns(view.ret);
  if (states === undefined || states.states.length === 0) return [{ host, name: fun, problem: problemOf(view) }];
  return states.states.map((line) => ({
    host,
    name: `${line.fun}: ${line.id}`,
    problem: line.result === false ? { kind: 'failure', type: 'failed', text: line.comment } : undefined,
    ...(line.durationMs === undefined ? {} : { seconds: line.durationMs / 1000 }),
  }));
}

/** Nobody answered: an error. It answered that it did not go well: a failure. */
function problemOf({ outcome, evidence, ret }: JobHostView): TestCase['problem'] {
  if (outcome === 'succeeded') return undefined;
  const said = ret === undefined || ret === null ? [] : formatValue(ret);
  const text = [...(evidence === undefined ? [] : [evidence]), ...said].join('\n');
  return { kind: outcome === 'failed' ? 'failure' : 'error', type: outcome ?? 'no answer yet', text };
}

function caseLines({ host, name, problem, seconds }: TestCase): string[] {
  const time = seconds === undefined ? '' : ` time="${seconds.toFixed(3)}"`;
  const head = `    <testcase classname="${xml(host)}" name="${xml(name)}"${time}`;
  if (problem === undefined) return [`${head}/>`];
  const { kind, type, text } = problem;
  const [summary = ''] = text.split('\n');
  return [
    `${head}>`,
    `      <${kind} type="${xml(type)}" message="${xml(summary)}">${xml(text)}</${kind}>`,
    '    </testcase>',
  ];
}

/** Text in XML 1.0: what it does not allow at all is left out. */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
