import type { JsonValue } from '@edge-run/shared/kernel';
import type { Word, WordArguments } from '@edge-run/shared/schema';
import { encodeValue } from '@edge-run/shared/values';

/** Words of a command line as operations take them. */
export interface EncodedWords {
  readonly args: JsonValue[];
  readonly kwargs: [string, JsonValue][];
  /** The words as typed, used where a declaration says text; `null` where none was. */
  readonly typed: { readonly args: (string | null)[]; readonly kwargs: Record<string, string> };
}

/**
 * Reads words as Salt reads them (`key=value`, YAML values), with `key:=JSON` beside it. The last `literal` words
 * stood after `--`: they are positional text as they are.
 * @throws EdgeError `EDGE_BAD_ARGUMENT` when JSON is not JSON
 */
export async function encodeWords(words: readonly string[], literal = 0): Promise<EncodedWords> {
  const kept = words.slice(words.length - literal);
  const read = words.slice(0, words.length - literal);
  const { args, kwargs } = await readLazily(read);
  const named = [...kwargs];
  return {
    args: [...args.map(({ value }) => encodeValue(value)), ...kept],
    kwargs: named.map(([key, { value }]) => [key, encodeValue(value)]),
    typed: {
      args: [...args.map(({ typed }) => typed ?? null), ...kept],
      kwargs: Object.fromEntries(named.flatMap(([key, { typed }]) => (typed === undefined ? [] : [[key, typed]]))),
    },
  };
}

/** `web1`, `pillarenv=prod`. */
const PLAIN_WORD = /^(?:([a-z]\w*)=)?([A-Za-z][\w./-]*)$/;
/** What YAML 1.1 and Salt read as something else than text. */
const NO_TEXT = /^(?:y|n|yes|no|on|off|true|false|null|none)$/i;

/** Words that are plain text whoever reads them; undefined when one of them may not be. */
export function plainWords(words: readonly string[]): WordArguments | undefined {
  const args: Word[] = [];
  const kwargs = new Map<string, Word>();
  for (const word of words) {
    const [, name, value] = PLAIN_WORD.exec(word) ?? [];
    if (value === undefined || NO_TEXT.test(value)) return undefined;
    if (name === undefined) args.push({ typed: value, value });
    else kwargs.set(name, { typed: value, value });
  }
  return { args, kwargs };
}

/** YAML and JSON are loaded only where there are words to read. */
async function readLazily(words: readonly string[]): Promise<WordArguments> {
  const plain = plainWords(words);
  if (plain !== undefined) return plain;
  const { readSaltWords } = await import('./read-words.ts');
  return readSaltWords(words);
}
