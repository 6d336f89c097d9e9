import type { JsonValue } from '../kernel/index.ts';
import { STATE_NOTES, type StateCause, type StateNotes, type StateVerb } from '../protocol/plain/index.ts';
import {
  decodeValue,
  encodeValue,
  isFloat,
  isInteger,
  type PlainValue,
  PyFloat,
  PyMap,
  toPlain,
  type Value,
} from '../values/index.ts';

/** One state's end as a host returned it (`state.apply`, `state.highstate`, `state.sls`, `state.single`). */
export interface StateLine {
  /** `file.managed`. */
  readonly fun: string;
  readonly id: string;
  readonly name: string;
  readonly sls: string;
  /** `null`: it would change (test run). */
  readonly result: boolean | null;
  /** Encoded; `{}` when nothing changed. */
  readonly changes: JsonValue;
  readonly changed: boolean;
  readonly comment: string;
  readonly durationMs?: number;
  readonly notes: StateNotes;
}

/** How a state counts: what it did, or in a test run would do. `unknown`: no look says what it would do. */
export type StateKind = 'add' | 'change' | 'remove' | 'unknown' | 'unchanged' | 'failed';

/** How a state counts. */
export function kindOf({ result, changed, notes }: StateLine): StateKind {
  if (result === false) return 'failed';
  const { verb, depends } = notes;
  if (verb === 'ask' && !changed && depends === undefined) return 'unchanged';
  if (depends !== undefined || (result === null && (!changed || verb === 'run'))) return 'unknown';
  if (!changed) return 'unchanged';
  return verb === 'add' || verb === 'remove' ? verb : 'change';
}

/** The states of one host in order of their run, with counts. */
export interface StatesView {
  readonly states: readonly StateLine[];
  readonly total: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly wouldChange: number;
  readonly failed: number;
}

/** Reads the return of a state run; undefined when `ret` is something else, such as a list of compile errors. */
export function readStateReturns(ret: JsonValue): StatesView | undefined {
  return statesIn(decodeValue(ret));
}

/** The same of a return that did not travel. */
export function statesIn(map: Value): StatesView | undefined {
  if (!(map instanceof PyMap) || map.size === 0) return undefined;
  const lines: { order: number; line: StateLine }[] = [];
  for (const [key, value] of map) {
    if (typeof key !== 'string' || !(value instanceof PyMap) || !value.has('result')) return undefined;
    lines.push({ order: numberOf(value.get('__run_num__')) ?? lines.length, line: readLine(key, value) });
  }
  lines.sort((a, b) => a.order - b.order);
  const states = lines.map(({ line }) => line);
  const count = (accept: (line: StateLine) => boolean): number => states.filter(accept).length;
  return {
    states,
    total: states.length,
    changed: count((line) => line.changed && line.result === true),
    unchanged: count((line) => !line.changed && line.result === true),
    wouldChange: count((line) => line.result === null),
    failed: count((line) => line.result === false),
  };
}

function readLine(key: string, value: PyMap): StateLine {
  const [state = '', id = '', name = '', fun = ''] = key.split('_|-');
  const result = value.get('result');
  const changes = value.get('changes') ?? new PyMap();
  const durationMs = numberOf(value.get('duration'));
  return {
    fun: fun === '' ? state : `${state}.${fun}`,
    id: textOf(value.get('__id__')) ?? id,
    name: textOf(value.get('name')) ?? name,
    sls: textOf(value.get('__sls__')) ?? '',
    result: typeof result === 'boolean' ? result : null,
    changes: encodeValue(changes),
    changed: !(changes instanceof PyMap && changes.size === 0),
    comment: textOf(value.get('comment')) ?? '',
    ...(durationMs === undefined ? {} : { durationMs }),
    notes: readNotes(value.get(STATE_NOTES)),
  };
}

const VERBS = new Set<string>([
  'add',
  'change',
  'remove',
  'start',
  'stop',
  'restart',
  'reload',
  'run',
  'send',
  'ask',
] satisfies StateVerb[]);
const REQUISITES = new Set<string>(['watch', 'onchanges', 'listen', 'prereq'] satisfies StateCause['requisite'][]);

/** Takes what it knows; a newer host may have written more. */
function readNotes(value: Value | undefined): StateNotes {
  if (!(value instanceof PyMap)) return {};
  const place = value.get('place');
  const verb = value.get('verb');
  const because = causes(value.get('because'));
  const depends = causes(value.get('depends'));
  const guards = value.get('guards');
  return {
    ...(typeof place === 'string' ? { place } : {}),
    ...(typeof verb === 'string' && VERBS.has(verb) ? { verb: verb as StateVerb } : {}),
    ...(because.length === 0 ? {} : { because }),
    ...(depends.length === 0 ? {} : { depends }),
    ...(Array.isArray(guards) ? { guards: guards.map(String) } : {}),
    ...(value.get('isSkipped') === true ? { isSkipped: true } : {}),
  };
}

function causes(value: Value | undefined): readonly StateCause[] {
  const listed: PlainValue = value === undefined ? [] : toPlain(value);
  if (!Array.isArray(listed)) return [];
  return (listed as unknown as readonly StateCause[]).filter(({ requisite }) => REQUISITES.has(requisite));
}

function textOf(value: Value | undefined): string | undefined {
  if (value instanceof PyMap || value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value.map((item) => String(item)).join('\n') : String(value);
}

function numberOf(value: Value | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value instanceof PyFloat) return value.value;
  return isInteger(value) || isFloat(value) ? Number(value) : undefined;
}
