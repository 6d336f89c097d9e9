import { type Diagnostic, Secret } from '@edge-run/shared/kernel';
import { type Chunk, type Guards, hasSlot } from '@edge-run/shared/state';
import { PyMap, PyTuple, type Redactor, revealSecret, type Value } from '@edge-run/shared/values';

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
  const sealed = (words: PyMap): PyMap =>
    new PyMap([...words].map(([word, value]) => [word, SHOWN.has(String(word)) ? value : redactor.sealed(value)]));
  const { guards, options, stepWords } = chunk;
  const { checkCmd } = options;
  return {
    ...chunk,
    args: sealed(chunk.args),
    low: sealed(chunk.low),
    guards: Object.fromEntries(
      Object.entries(guards as Readonly<Record<string, Value>>).map(([guard, value]) => [
        guard,
        redactor.sealed(value),
      ]),
    ) as Guards,
    ...(stepWords === undefined ? {} : { stepWords: sealed(stepWords) }),
    ...(checkCmd === undefined ? {} : { options: { ...options, checkCmd: redactor.sealed(checkCmd) } }),
  };
}

/** A step as it is done. `handsOn`: what it hands on to hosts and other functions stays sealed on the way. */
export function revealStep(chunk: Chunk, handsOn: boolean): Chunk {
  const kept = handsOn ? HANDED_ON : new Set<string>();
  const reveal = (value: Value): Value => revealBut(value, kept);
  const { guards, options } = chunk;
  return {
    ...chunk,
    args: reveal(chunk.args) as PyMap,
    low: reveal(chunk.low) as PyMap,
    guards: Object.fromEntries(
      Object.entries(guards as Readonly<Record<string, Value>>).map(([guard, value]) => [guard, reveal(value)]),
    ) as Guards,
    ...(options.checkCmd === undefined ? {} : { options: { ...options, checkCmd: reveal(options.checkCmd) } }),
  };
}

/** The value revealed, but for what stands under words that are `kept`, at any depth. */
export function revealBut(value: Value, kept: ReadonlySet<string>): Value {
  if (value instanceof Secret) return revealSecret(value);
  if (value instanceof PyMap) {
    return new PyMap(
      [...value].map(([key, item]) => [key, kept.has(String(key)) && !hasSlot(item) ? item : revealBut(item, kept)]),
    );
  }
  if (Array.isArray(value)) return value.map((item) => revealBut(item, kept));
  return value instanceof PyTuple ? new PyTuple(value.items.map((item) => revealBut(item, kept))) : value;
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
