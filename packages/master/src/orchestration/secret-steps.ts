import type { Diagnostic } from '@edge-run/shared/kernel';
import { type Chunk, type Guards, hasSlot } from '@edge-run/shared/state';
import { PyMap, type Redactor, revealValue, type Value } from '@edge-run/shared/values';

/** Words by which a step is known and found: they stand in every list, key and log line. */
const SHOWN: ReadonlySet<string> = new Set([
  'name',
  'names',
  'state',
  'fun',
  'tgt',
  'tgt_type',
  'sls',
  '__id__',
  '__sls__',
]);
/** Words whose values are handed on as they are: whoever gets them learns thereby what is secret. */
const HANDED_ON: ReadonlySet<string> = new Set(['arg', 'args', 'kwarg', 'kwargs', 'pillar']);

/**
 * A step whose texts that hold a secret of the pillar are secrets: shown as `[secret]` by whatever shows a plan, and
 * revealed where the step is done (`revealStep`). What a step is known by stays as it is.
 */
export function sealStep(chunk: Chunk, redactor: Redactor): Chunk {
  if (!redactor.isNeeded) return chunk;
  const seal = (value: Value): Value => redactor.sealed(value);
  return changedStep(chunk, seal, (words) => {
    return new PyMap([...words].map(([word, value]) => [word, SHOWN.has(String(word)) ? value : seal(value)]));
  });
}

/** A step as it is done. `handsOn`: what it hands on to hosts and other functions stays sealed on the way. */
export function revealStep(chunk: Chunk, handsOn: boolean): Chunk {
  // Slots are filled here, also those in what is handed on.
  const isKept = (word: Value, value: Value): boolean => handsOn && HANDED_ON.has(String(word)) && !hasSlot(value);
  const reveal = (value: Value): Value => revealValue(value, isKept);
  return changedStep(chunk, reveal, (words) => reveal(words) as PyMap);
}

/** The step with everything changed that its author wrote: its words, and the values of guards. */
function changedStep(chunk: Chunk, change: (value: Value) => Value, changeWords: (words: PyMap) => PyMap): Chunk {
  const { options, stepWords } = chunk;
  const { checkCmd } = options;
  const guards = Object.entries(chunk.guards as Readonly<Record<string, Value>>);
  return {
    ...chunk,
    args: changeWords(chunk.args),
    low: changeWords(chunk.low),
    guards: Object.fromEntries(guards.map(([guard, value]) => [guard, change(value)])) as Guards,
    ...(stepWords === undefined ? {} : { stepWords: changeWords(stepWords) }),
    ...(checkCmd === undefined ? {} : { options: { ...options, checkCmd: change(checkCmd) } }),
  };
}

/**
 * Errors for steps that are known by a secret of the pillar: their name, id or target holds one. A text that stands in one
 * of the texts that `openTexts` brings, the files as they were written and the pillar as it is shown, gives nothing away.
 */
export async function secretProblems(
  chunks: readonly Chunk[],
  redactor: Redactor,
  openTexts: () => Promise<readonly string[]>,
): Promise<readonly Diagnostic[]> {
  if (!redactor.isNeeded) return [];
  const found = chunks.flatMap((chunk) =>
    shownWords(chunk).flatMap(([word, value]) => {
      const parts = partsIn(value, redactor);
      return parts.length === 0 ? [] : [{ chunk, word, parts }];
    }),
  );
  if (found.length === 0) return [];
  const open = await openTexts();
  const told = found.filter(({ parts }) => parts.some((part) => !open.some((text) => text.includes(part))));
  const first = new Map([...told].reverse().map((one) => [one.chunk.key, one] as const));
  return [...first.values()].reverse().map(({ chunk, word }) => secretProblem(chunk, word, redactor));
}

function shownWords({ id, name, args }: Chunk): readonly (readonly [string, Value])[] {
  const others = [...args].flatMap(([word, value]) =>
    SHOWN.has(String(word)) ? [[String(word), value] as const] : [],
  );
  return [['id', id], ['name', name], ...others];
}

function partsIn(value: Value, redactor: Redactor): readonly string[] {
  if (typeof value === 'string') return redactor.secretParts(value);
  return Array.isArray(value) ? value.flatMap((item) => partsIn(item, redactor)) : [];
}

function secretProblem({ id, place }: Chunk, word: string, redactor: Redactor): Diagnostic {
  return {
    severity: 'error',
    code: 'EDGE_SECRET_IN_STEP',
    summary: `the ${word} of step ${redactor.text(id)} holds a secret of the pillar, and steps are shown by it`,
    detail:
      'Give the secret where it is not shown: in `arg`, `kwarg`, `pillar` or another argument, ' +
      'or as a variable of the environment (`env`) of a command.',
    ...(place === undefined ? {} : { source: place }),
  };
}
