import { inspect } from 'node:util';

const SHOWN = '[secret]';

/** What a secret's text stands for where it is given to its rightful reader. */
export type SecretType = 'text' | 'integer' | 'float' | 'boolean';

/** A value that prints, serialises and inspects as `[secret]`; only `reveal` gives its text away. */
export class Secret {
  /** How the text is read by the host it is for (`revealValue`); a text when nobody says. */
  readonly type: SecretType;
  readonly #text: string;

  constructor(text: string, type: SecretType = 'text') {
    this.#text = text;
    this.type = type;
  }

  reveal(): string {
    return this.#text;
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
