import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import { encodeWords } from '../words.ts';

type Request = OperationArgs<'orch.run'>;

/** How long an orchestration may render: that calls hosts, and a run's id is answered only when its plan is journaled. */
export const PLAN_WITHIN_MS = 600_000;

/** What `__run__` of an orchestration may say too. */
const RUN_WORDS = ['lock', 'on_failure', 'max_failures', 'on_target_failure', 'deadline', 'approvals'] as const;

const KEYWORDS = ['saltenv', 'pillarenv', 'pillar', 'test', 'exclude', ...RUN_WORDS] as const;

/** The request for `NAME [k=v…]`. @throws EdgeError on unknown keywords, a missing name or wrong types */
export async function readRunRequest(words: readonly string[], literal = 0): Promise<Request> {
  const { args, kwargs, typed } = await encodeWords(words, literal);
  const given = new Map<string, JsonValue>(kwargs);
  const mods = given.get('mods');
  const [first = typeof mods === 'string' ? mods : undefined, ...extra] = typed.args.map((word) => word ?? '');
  given.delete('mods');
  if (first === undefined || first === '') {
    throw new EdgeError(
      'EDGE_MISSING_ARGUMENT',
      'which orchestration?',
      {},
      {
        hint: 'Name it: edge-run orch deploy-environment pillarenv=prod',
      },
    );
  }
  if (extra.length > 0 || args.length > 1) {
    throw bad(
      `orch takes one name, ${args.length} given: ${typed.args.join(' ')}`,
      `edge-run orch ${first} ${extra.map((word) => `${word}=…`).join(' ')}`,
    );
  }
  const unknown = [...given.keys()].filter((key) => !KEYWORDS.includes(key as (typeof KEYWORDS)[number]));
  if (unknown.length > 0) throw await unknownKeyword(unknown[0]!, first);
  const test = given.get('test');
  const pillar = given.get('pillar');
  const exclude = given.get('exclude');
  if (test !== undefined && test !== null && typeof test !== 'boolean') {
    throw bad(
      `test=${typed.kwargs.test ?? String(test)} is neither True nor False`,
      `edge-run orch ${first} test=True`,
    );
  }
  if (pillar !== undefined && pillar !== null && (typeof pillar !== 'object' || Array.isArray(pillar))) {
    throw bad('pillar= must be a mapping', `edge-run orch ${first} pillar='{"version": "4.18.0"}'`);
  }
  return {
    name: first,
    ...textOf('saltenv', given, typed.kwargs),
    ...textOf('pillarenv', given, typed.kwargs),
    ...(typeof test === 'boolean' ? { test } : {}),
    ...(pillar === undefined || pillar === null ? {} : { pillar }),
    ...(exclude === undefined || exclude === null ? {} : { exclude }),
    ...optionsOf(given),
  };
}

/** `pillar={…}` of a line that takes nothing else. @throws EdgeError on any other word, and on what is no mapping */
export async function readPillar(words: readonly string[], literal = 0): Promise<Pick<Request, 'pillar'>> {
  const { args, kwargs } = await encodeWords(words, literal);
  const [pillar, ...more] = kwargs;
  if (pillar === undefined && args.length === 0) return {};
  if (pillar?.[0] !== 'pillar' || args.length + more.length > 0)
    throw bad(`takes pillar= and no more: ${words.join(' ')}`, `pillar='{"version": "4.18.0"}'`);
  const [, value] = pillar;
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw bad('pillar= must be a mapping', `pillar='{"version": "4.18.0"}'`);
  return { pillar: value };
}

function optionsOf(given: ReadonlyMap<string, JsonValue>): Pick<Request, 'options'> {
  const words = RUN_WORDS.flatMap((word) => (given.has(word) ? [[word, given.get(word)!] as const] : []));
  return words.length === 0 ? {} : { options: Object.fromEntries(words) };
}

/** An environment's name is text, also where YAML would read a number. */
function textOf<N extends 'saltenv' | 'pillarenv'>(
  name: N,
  given: ReadonlyMap<string, JsonValue>,
  typed: Readonly<Record<string, string>>,
): { [key in N]?: string } {
  const value = given.get(name);
  if (value === undefined || value === null) return {};
  return { [name]: typed[name] ?? String(value) } as { [key in N]?: string };
}

async function unknownKeyword(key: string, name: string): Promise<EdgeError> {
  const { didYouMean } = await import('@edge-run/shared/schema');
  const suggestion = didYouMean(key, KEYWORDS);
  return new EdgeError(
    'EDGE_UNKNOWN_ARGUMENT',
    `unknown argument \`${key}\` for orch`,
    { key, known: [...KEYWORDS] },
    {
      hint: `${suggestion === '' ? `Known: ${KEYWORDS.join(', ')}.` : suggestion} Values for the templates go into the pillar: edge-run orch ${name} pillar='{"${key}": …}'`,
    },
  );
}

function bad(message: string, example: string): EdgeError {
  return new EdgeError('EDGE_BAD_ARGUMENT', message, {}, { hint: `Write: ${example}` });
}
