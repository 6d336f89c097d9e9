import { inspect } from 'node:util';

const SHOWN = '[secret]';

/** What a secret's text stands for where it is given to its rightful reader. */
export type SecretType = 'text' | 'integer' | 'float' | 'boolean';

/** A value that prints, serialises and inspects as `[secret]`; only `reveal` gives its text away. */
export class Secret {
  /** How the text is read by the host it is for (`revealValue`); a text when nobody says. */
  readonly type: SecretType;
  readonly #text: string;
  readonly #parts: readonly string[];

  /** @param parts those pieces of the text that are secret; all of it where none are given */
  constructor(text: string, type: SecretType = 'text', parts: readonly string[] = []) {
    this.#text = text;
    this.type = type;
    this.#parts = parts;
  }

  reveal(): string {
    return this.#text;
  }

  /** The pieces that are secret, of a text around them: `s3cret` of `mysql -ps3cret`. Empty: all of it. */
  revealParts(): readonly string[] {
    return this.#parts;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
