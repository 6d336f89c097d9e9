import { type Diagnostic, EdgeError, errorMessage, Secret, type SourceRange } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { Decryption, Decryptor } from './contract.ts';

/** Finds the author's place of a part. */
export type PlaceOf = (container: Value, key: Value) => SourceRange | undefined;

/** What a value became, and what could not be decrypted. */
export interface Decrypted {
  readonly value: Value;
  readonly diagnostics: readonly Diagnostic[];
}

/** Encrypted texts decrypted side by side: each may be a process. */
const AT_ONCE = 4;

/**
 * Decrypts the encrypted texts inside a value. A text that holds one becomes a `Secret` as a whole. Mappings and lists
 * are changed in place, so that what knows places by container still does.
 */
export async function decryptValue(
  value: Value,
  decryptor: Decryptor,
  { mustSucceed }: Pick<Decryption, 'mustSucceed'>,
  options: { readonly placeOf?: PlaceOf; readonly signal?: AbortSignal } = {},
): Promise<Decrypted> {
  const { placeOf = () => undefined, signal } = options;
  const holder: Value[] = [value];
  const found = encryptedIn(holder, decryptor.armor, []);
  const diagnostics: Diagnostic[] = [];
  const queue = [...found];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      try {
        next.set(new Secret(await decryptText(next.text, decryptor, signal)));
      } catch (error) {
        diagnostics.push(report(error, next, mustSucceed, placeOf(next.container, next.key)));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, found.length) }, work));
  return { value: holder[0]!, diagnostics };
}

interface Encrypted {
  readonly text: string;
  readonly path: readonly string[];
  readonly container: Value;
  readonly key: Value;
  set(value: Value): void;
}

function encryptedIn(container: Value, armor: RegExp, path: readonly string[]): readonly Encrypted[] {
  const isEncrypted = (text: string): boolean => text.search(armor) !== -1;
  const below = (key: Value, item: Value, set: (value: Value) => void): readonly Encrypted[] => {
    const here = [...path, String(key)];
    if (typeof item !== 'string') return encryptedIn(item, armor, here);
    return isEncrypted(item) ? [{ text: item, path: here, container, key, set }] : [];
  };
  if (container instanceof PyMap) {
    return [...container].flatMap(([key, item]) => below(key, item, (value) => container.set(key, value)));
  }
  if (!Array.isArray(container)) return [];
  return container.flatMap((item, index) =>
    below(index, item, (value) => {
      container[index] = value;
    }),
  );
}

async function decryptText(text: string, decryptor: Decryptor, signal: AbortSignal | undefined): Promise<string> {
  let plain = '';
  let at = 0;
  for (const match of text.matchAll(decryptor.armor)) {
    plain += text.slice(at, match.index) + new TextDecoder().decode(await decryptor.decrypt(match[0], signal));
    at = match.index + match[0].length;
  }
  const rest = text.slice(at);
  // The line end behind a message in a block of YAML is no part of it.
  return rest.trim() === '' ? plain : plain + rest;
}

function report(error: unknown, found: Encrypted, mustSucceed: boolean, place: SourceRange | undefined): Diagnostic {
  const known = error instanceof EdgeError ? error : undefined;
  // The first part is the list the value is held in here.
  const path = found.path.slice(1).join(':');
  return {
    severity: mustSucceed ? 'error' : 'warning',
    code: known?.code ?? 'EDGE_DECRYPT_FAILED',
    summary: path === '' ? errorMessage(error) : `${path}: ${errorMessage(error)}`,
    detail: known?.hint ?? '',
    // Without the text of the line: it may hold a part of what was to stay secret.
    ...(place === undefined ? {} : { source: { file: place.file, line: place.line } }),
  };
}
