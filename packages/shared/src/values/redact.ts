import {
  type Diagnostic,
  DiagnosticsError,
  EdgeError,
  type JsonObject,
  type JsonValue,
  type Logger,
  Secret,
} from '../kernel/index.ts';
import { PyMap } from './map.ts';
import { secretsIn } from './secrets.ts';
import { PySet } from './set.ts';
import { isFloat, isInteger, PyFloat, PyTuple, type Value } from './values.ts';

const SHOWN = '[secret]';
/** Shorter ones are found only where they stand alone: in `release`, an `a` gives nothing away. */
const SHORTEST_INSIDE = 6;
/** A line of a secret shorter than this says nothing about it: `}` of a key file in JSON. */
const SHORTEST_LINE = 8;
/** Texts looked for, at most; the oldest are forgotten. */
const MAX_TEXTS = 20_000;

/**
 * Knows the secrets that were revealed to a host, and takes them out of everything that leaves it: returns, events, log
 * lines, errors. A secret is found as it is, line by line, and as JSON, base64 and in URLs, because templates write it so.
 */
export class Redactor {
  readonly #texts = new Set<string>();
  #pattern: RegExp | undefined;

  /** Takes note of every secret in a value. */
  learn(value: Value): void {
    for (const secret of secretsIn(value)) {
      if (secret.type === 'boolean') continue;
      const parts = secret.revealParts();
      for (const text of parts.length === 0 ? [secret.reveal()] : parts) this.#add(text);
    }
  }

  /** False as long as nothing secret was learnt. */
  get isNeeded(): boolean {
    return this.#texts.size > 0;
  }

  text(text: string): string {
    return this.isNeeded ? text.replace(this.#search(), SHOWN) : text;
  }

  holdsSecret(text: string): boolean {
    return this.isNeeded && this.text(text) !== text;
  }

  /** The value with every text that holds a secret cut down; numbers that are one become text. */
  value(value: Value): Value {
    if (!this.isNeeded) return value;
    if (typeof value === 'string') return this.text(value);
    if (isInteger(value) || isFloat(value)) return this.#number(value);
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (value instanceof PyTuple) return new PyTuple(value.items.map((item) => this.value(item)));
    if (value instanceof PySet) return new PySet([...value].map((item) => this.value(item)));
    if (value instanceof PyMap) {
      return new PyMap([...value].map(([key, item]) => [this.value(key), this.value(item)] as const));
    }
    return value instanceof Uint8Array ? this.#bytes(value) : value;
  }

  json<T extends JsonValue>(json: T): T;
  json(json: JsonValue): JsonValue {
    if (typeof json === 'string') return this.text(json);
    if (typeof json === 'number') return this.#isSecret(String(json)) ? SHOWN : json;
    if (Array.isArray(json)) return json.map((item: JsonValue) => this.json(item));
    if (json === null || typeof json !== 'object') return json;
    return Object.fromEntries(
      Object.entries(json as JsonObject).map(([key, item]) => [
        this.text(key),
        item === undefined ? undefined : this.json(item),
      ]),
    );
  }

  /** The pieces of a text that are secret. */
  secretParts(text: string): readonly string[] {
    return this.isNeeded ? [...new Set([...text.matchAll(this.#search())].map(([found]) => found))] : [];
  }

  /** Texts that hold a secret become secrets, in place, so that places of the data stay known. Answers the value. */
  seal(value: Value): Value {
    if (!this.isNeeded) return value;
    if (typeof value === 'string') return this.#sealText(value);
    if (isInteger(value)) return this.#isSecret(String(value)) ? new Secret(String(value), 'integer') : value;
    if (value instanceof PyMap) for (const [key, item] of [...value]) value.set(key, this.seal(item));
    if (Array.isArray(value)) for (const [index, item] of value.entries()) value[index] = this.seal(item);
    return value;
  }

  /** As `seal`, of a copy. */
  sealed(value: Value): Value {
    if (!this.isNeeded) return value;
    if (value instanceof PyMap) {
      return new PyMap([...value].map(([key, item]) => [this.sealed(key), this.sealed(item)] as const));
    }
    if (value instanceof PyTuple) return new PyTuple(value.items.map((item) => this.sealed(item)));
    return Array.isArray(value) ? value.map((item) => this.sealed(item)) : this.seal(value);
  }

  /** A logger whose lines pass through here. */
  logger(log: Logger): Logger {
    const line =
      (level: 'debug' | 'info' | 'warn' | 'error') =>
      (message: string, fields?: JsonObject): void =>
        fields === undefined ? log[level](this.text(message)) : log[level](this.text(message), this.json(fields));
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: (fields) => this.logger(log.child(this.json(fields))),
    };
  }

  /** An error that says the same without the secrets; the same one where it tells none. */
  error(error: unknown): unknown {
    if (!this.isNeeded || !(error instanceof Error)) return error;
    if (error instanceof DiagnosticsError) return new DiagnosticsError(this.diagnostics(error.diagnostics));
    const message = this.text(error.message);
    if (!(error instanceof EdgeError)) return message === error.message ? error : new Error(message);
    const hint = error.hint === undefined ? {} : { hint: this.text(error.hint) };
    return new EdgeError(error.code, message, this.json(error.details), hint);
  }

  /** Problems of the reader's files, and the lines of them that are shown, without the secrets. */
  diagnostics(problems: readonly Diagnostic[]): readonly Diagnostic[] {
    return problems.map((problem) => ({ ...this.texts(problem), severity: problem.severity, code: problem.code }));
  }

  /** Plain data with every text in it cut down; numbers and keys stay. */
  texts<T>(data: T): T {
    if (!this.isNeeded) return data;
    if (typeof data === 'string') return this.text(data) as T;
    if (Array.isArray(data)) return data.map((item: unknown) => this.texts(item)) as T;
    if (data === null || typeof data !== 'object') return data;
    return Object.fromEntries(Object.entries(data).map(([key, item]) => [key, this.texts(item)])) as T;
  }

  #sealText(text: string): Value {
    const parts = this.secretParts(text);
    if (parts.length === 0) return text;
    return parts.length === 1 && parts[0] === text ? new Secret(text) : new Secret(text, 'text', parts);
  }

  #add(secret: string): void {
    if (secret === '') return;
    const added = spellings(secret).filter((text) => !this.#texts.has(text));
    if (added.length === 0) return;
    for (const text of added) this.#texts.add(text);
    for (const oldest of this.#texts) {
      if (this.#texts.size <= MAX_TEXTS) break;
      this.#texts.delete(oldest);
    }
    this.#pattern = undefined;
  }

  #search(): RegExp {
    if (this.#pattern === undefined) {
      const longestFirst = [...this.#texts].sort((a, b) => b.length - a.length);
      this.#pattern = new RegExp(longestFirst.map(pattern).join('|'), 'gu');
    }
    return this.#pattern;
  }

  #number(value: Value): Value {
    const text = String(value instanceof PyFloat ? value.value : value);
    return this.#isSecret(text) ? SHOWN : value;
  }

  #isSecret(text: string): boolean {
    return this.isNeeded && this.#texts.has(text);
  }

  #bytes(bytes: Uint8Array): Value {
    const text = Buffer.from(bytes).toString('latin1');
    const found = [...this.#texts].some(
      (secret) => secret.length >= SHORTEST_INSIDE && text.includes(Buffer.from(secret).toString('latin1')),
    );
    return found ? SHOWN : bytes;
  }
}

function spellings(secret: string): readonly string[] {
  const trimmed = secret.trim();
  const lines = trimmed.includes('\n')
    ? trimmed
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line.length >= SHORTEST_LINE)
    : [];
  const whole = trimmed === '' ? [secret] : [secret, trimmed];
  const escaped = whole.flatMap((text) => [
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, '')),
    ...(text.length >= SHORTEST_INSIDE
      ? [Buffer.from(text).toString('base64').replace(/=+$/, ''), text.replaceAll("'", "''"), shellQuoted(text)]
      : []),
  ]);
  return [...new Set([...whole, ...lines, ...escaped])];
}

function shellQuoted(text: string): string {
  return text.replaceAll("'", `'"'"'`);
}

function pattern(text: string): string {
  const escaped = text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return text.length >= SHORTEST_INSIDE ? escaped : `(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`;
}
