import type { Clock } from '../../kernel/index.ts';
import { type PyMap, valuesEqual } from '../../values/index.ts';

/** How facts are kept between two looks at the host. */
export interface KeptFactsOptions {
  gather(): Promise<PyMap>;
  /** How long they are believed before the next question gathers them anew; `Infinity`: until `refresh`. */
  readonly keepMs: number;
  readonly clock: Clock;
  /** Told whenever a look found something else than the look before. Its failures are its own to see to. */
  readonly onChange?: (facts: PyMap) => Promise<void>;
}

/** The facts of one host, gathered when somebody asks and then kept. A look that failed is not kept. */
export class KeptFacts {
  readonly #options: KeptFactsOptions;
  #kept: { readonly facts: Promise<PyMap>; readonly until: number } | undefined;
  #last: PyMap | undefined;

  constructor(options: KeptFactsOptions) {
    this.#options = options;
  }

  /** As they were last gathered, unless that is too long ago. */
  current(): Promise<PyMap> {
    const { clock } = this.#options;
    return this.#kept !== undefined && clock.now() <= this.#kept.until ? this.#kept.facts : this.#look();
  }

  /** Gathers them anew. @throws what gathering throws; the facts known before are kept then */
  async refresh(): Promise<PyMap> {
    const before = this.#kept;
    const facts = this.#look();
    try {
      return await facts;
    } catch (error) {
      this.#kept = before;
      throw error;
    }
  }

  #look(): Promise<PyMap> {
    const { clock, keepMs } = this.#options;
    const facts = this.#gather();
    const kept = { facts, until: clock.now() + keepMs };
    this.#kept = kept;
    facts.catch(() => {
      if (this.#kept === kept) this.#kept = undefined;
    });
    return facts;
  }

  async #gather(): Promise<PyMap> {
    const facts = await this.#options.gather();
    const before = this.#last;
    this.#last = facts;
    if (before !== undefined && !valuesEqual(before, facts)) await this.#options.onChange?.(facts);
    return facts;
  }
}
