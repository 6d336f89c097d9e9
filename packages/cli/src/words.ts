import { EdgeError, errorMessage, type JsonValue } from '@edge-run/shared/kernel';
import { encodeValue, fromPlain } from '@edge-run/shared/values';

/** Words of a command line as operations take them. */
export interface EncodedWords {
  readonly args: JsonValue[];
  readonly kwargs: [string, JsonValue][];
  /** The words as typed; `null` where none was. */
  readonly typed: { readonly args: (string | null)[]; readonly kwargs: Record<string, string> };
}

const JSON_WORD = /^([A-Za-z_][\w.-]*):=(.*)$/s;

/**
 * Reads words as Salt reads them (`key=value`, YAML values), with `key:=JSON` beside it. The last `literal` words
 * stood after `--`: they are positional text as they are.
 * @throws EdgeError `EDGE_BAD_ARGUMENT` when JSON is not JSON
 */
export async function encodeWords(words: readonly string[], literal = 0): Promise<EncodedWords> {
  const { readWords } = await import('@edge-run/shared/schema');
  const encoded: EncodedWords = { args: [], kwargs: [], typed: { args: [], kwargs: {} } };
  words.forEach((word, index) => {
    const json = JSON_WORD.exec(word);
    if (index >= words.length - literal) addPositional(encoded, word, word);
    else if (json !== null) encoded.kwargs.push([json[1]!, encodeValue(fromPlain(parseJson(json[1]!, json[2]!)))]);
    else {
      const read = readWords([word]);
      read.args.forEach((value, at) => {
        addPositional(encoded, encodeValue(value), read.typed.args[at] ?? null);
      });
      for (const [key, value] of read.kwargs) {
        encoded.kwargs.push([key, encodeValue(value)]);
        const typed = read.typed.kwargs.get(key);
        if (typed !== undefined) encoded.typed.kwargs[key] = typed;
      }
    }
  });
  return encoded;
}

function addPositional(encoded: EncodedWords, value: JsonValue, typed: string | null): void {
  encoded.args.push(value);
  encoded.typed.args.push(typed);
}

function parseJson(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${key}:=… is not JSON: ${errorMessage(cause)}`,
      { key, text },
      {
        hint: `Write ${key}:='{"a": 1}' for JSON, or ${key}=value for a value as Salt reads it.`,
        cause,
      },
    );
  }
}
