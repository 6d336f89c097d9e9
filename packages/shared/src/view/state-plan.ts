import type { JsonValue } from '../kernel/index.ts';
import { decodeValue, type PlainValue, PyMap, toPlain } from '../values/index.ts';

/** Digests of everything a host's plan follows from, as `state.plan` answers them. */
export interface PlanRecord {
  readonly facts: Digests;
  readonly pillar: Digests;
  /** `env:path` → digest, or `missing`. */
  readonly files: Digests;
  /** The states in order: key and digest. */
  readonly steps: readonly (readonly [key: string, digest: string])[];
  /** Key of the state → digest of what it would change. */
  readonly effects: Digests;
}

type Digests = Readonly<Record<string, string>>;

/** What `state.plan` answered on one host. */
export interface HostPlan {
  /** The rendered plan, secrets sealed; for reading. */
  readonly plan: JsonValue;
  readonly record: PlanRecord;
  readonly digest: string;
  /** Key of the state → its return in test mode. */
  readonly states: JsonValue;
}

/** Reads the return of `state.plan`; undefined when `ret` is something else, such as a list of compile errors. */
export function readHostPlan(ret: JsonValue | undefined): HostPlan | undefined {
  if (ret === null || typeof ret !== 'object' || Array.isArray(ret)) return undefined;
  const { plan, record, digest, states } = ret as Record<string, JsonValue>;
  if (plan === undefined || states === undefined || typeof digest !== 'string') return undefined;
  const read = recordOf(record);
  return read === undefined ? undefined : { plan, record: read, digest, states };
}

/** What is not as it was, in words and by name; empty when a fresh look found what the plan was made from. */
export function movesOf(saved: PlanRecord, fresh: PlanRecord): readonly string[] {
  const moves = [
    ...changed('fact', saved.facts, fresh.facts),
    ...changed('pillar', saved.pillar, fresh.pillar),
    ...changed('file', saved.files, fresh.files),
    ...changed('state', Object.fromEntries(saved.steps), Object.fromEntries(fresh.steps), stateName),
  ];
  const keys = (record: PlanRecord): string => record.steps.map(([key]) => key).join('\n');
  if (moves.length === 0 && keys(saved) !== keys(fresh)) moves.push('the states run in another order');
  const common = Object.keys(saved.effects).filter((key) => fresh.effects[key] !== undefined);
  for (const key of common) {
    if (saved.effects[key] !== fresh.effects[key])
      moves.push(`host: ${stateName(key)} would change something else now`);
  }
  return moves;
}

function changed(what: string, saved: Digests, fresh: Digests, nameOf = (key: string): string => key): string[] {
  const keys = [...new Set([...Object.keys(saved), ...Object.keys(fresh)])];
  return keys
    .filter((key) => saved[key] !== fresh[key])
    .map((key) => `${what} ${nameOf(key)} ${wordOf(saved[key], fresh[key])}`);
}

function wordOf(saved: string | undefined, fresh: string | undefined): string {
  if (saved === undefined || saved === 'missing') return 'is new';
  return fresh === undefined || fresh === 'missing' ? 'is gone' : 'has changed';
}

/** `file.managed /etc/x (id)` of Salt's key. */
function stateName(key: string): string {
  const [state = '', id = '', name = '', fun = ''] = key.split('_|-');
  return `${state}.${fun} ${name}${name === id ? '' : ` (${id})`}`;
}

function recordOf(json: JsonValue | undefined): PlanRecord | undefined {
  if (json === undefined) return undefined;
  const map = decodeValue(json);
  if (!(map instanceof PyMap)) return undefined;
  const digests = (name: string): Digests | undefined => textsOf(map.get(name) as PyMap | undefined);
  const [facts, pillar, files, effects] = [digests('facts'), digests('pillar'), digests('files'), digests('effects')];
  const steps = toPlain(map.get('steps') ?? null) as PlainValue;
  if (facts === undefined || pillar === undefined || files === undefined || effects === undefined) return undefined;
  if (!Array.isArray(steps)) return undefined;
  return { facts, pillar, files, effects, steps: steps as unknown as PlanRecord['steps'] };
}

/** Also of a mapping whose keys look like numbers, which is encoded in another form. */
function textsOf(map: PyMap | undefined): Digests | undefined {
  if (!(map instanceof PyMap)) return undefined;
  return Object.fromEntries([...map].map(([key, digest]) => [String(key), String(digest)]));
}
