import { didYouMean } from '../../schema/index.ts';
import { PyFloat, PyMap, type Value } from '../../values/index.ts';

/** A function that has to succeed behind each batch of a step, as the step declares it. */
export interface StepGate {
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  /** On the hosts of the batch that succeeded, or once on the master. */
  readonly on: 'targets' | 'master';
  readonly timeoutMs: number;
}

const WORDS = ['fun', 'arg', 'kwarg', 'on', 'deadline'];
const DEADLINE_S = 300;

/** Reads `gate` of a step: one mapping, or a list of them. `problems` say what is wrong, each in one sentence. */
export function readGates(value: Value | undefined): {
  readonly gates: readonly StepGate[];
  readonly problems: readonly string[];
} {
  if (value === undefined || value === null) return { gates: [], problems: [] };
  const problems: string[] = [];
  const gates = (Array.isArray(value) ? value : [value]).map((one) => readGate(one, problems));
  return { gates: gates.filter((gate) => gate !== undefined), problems };
}

function readGate(given: Value, problems: string[]): StepGate | undefined {
  if (!(given instanceof PyMap)) {
    problems.push('a gate is a mapping: {fun: http.wait_for_successful_query, kwarg: {url: …}, on: targets}');
    return undefined;
  }
  const found = problems.length;
  // YAML reads the word `on` as True.
  const value = new PyMap([...given].map(([key, one]) => [key === true ? 'on' : key, one]));
  for (const word of value.keys())
    if (!WORDS.includes(String(word)))
      problems.push(`a gate has no \`${String(word)}\`. ${didYouMean(String(word), WORDS)}`);
  const [fun, on = 'targets'] = [value.get('fun'), value.get('on')];
  const deadline = value.get('deadline') ?? DEADLINE_S;
  const seconds = deadline instanceof PyFloat ? deadline.value : Number(deadline);
  if (typeof fun !== 'string') problems.push('a gate needs `fun`, the function that has to succeed');
  if (on !== 'targets' && on !== 'master') problems.push('`on` of a gate is `targets` or `master`');
  if (!(seconds > 0)) problems.push('`deadline` of a gate is a number of seconds above 0');
  const [arg, kwarg] = [value.get('arg'), value.get('kwarg')];
  if (kwarg !== undefined && kwarg !== null && !(kwarg instanceof PyMap))
    problems.push('`kwarg` of a gate is a mapping');
  if (problems.length > found) return undefined;
  return {
    ...{ fun: fun as string, on: on as StepGate['on'], timeoutMs: seconds * 1000 },
    args: arg === undefined || arg === null ? [] : Array.isArray(arg) ? arg : [arg],
    kwargs: new Map(kwarg instanceof PyMap ? [...kwarg].map(([key, one]) => [String(key), one]) : []),
  };
}
