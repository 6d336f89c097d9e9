import type { SourceRange } from '../../kernel/index.ts';
import type { RenderedData } from '../../render/index.ts';
import { PyMap, type Value } from '../../values/index.ts';

/** The author's places of data that came out of several files and was rearranged since. */
export class Places {
  readonly #rendered = new Map<object, RenderedData>();
  readonly #originals = new Map<object, object>();
  readonly #own = new Map<object, Map<Value, SourceRange>>();

  /** Takes in every list and mapping of a file. */
  add(rendered: RenderedData): void {
    const waiting: Value[] = [rendered.value];
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      if (!(Array.isArray(value) || value instanceof PyMap) || this.#rendered.has(value)) continue;
      this.#rendered.set(value, rendered);
      for (const item of value.values()) waiting.push(item);
    }
  }

  /** Place of a mapping's key or of a list's item by index. */
  of(container: Value, key: Value): SourceRange | undefined {
    let at: object | undefined = container as object;
    while (at !== undefined && at !== null && typeof at === 'object') {
      const place: SourceRange | undefined =
        this.#own.get(at)?.get(key) ?? this.#rendered.get(at)?.placeOf(at as Value, key);
      if (place !== undefined) return place;
      at = this.#originals.get(at);
    }
    return undefined;
  }

  /** Says where a part that was moved or added stands. */
  set(container: Value[] | PyMap, key: Value, place: SourceRange | undefined): void {
    if (place === undefined) return;
    const own = this.#own.get(container);
    if (own === undefined) this.#own.set(container, new Map([[key, place]]));
    else own.set(key, place);
  }

  /** Says that `copy` began as a copy of `original`. */
  copied(copy: Value[] | PyMap, original: Value[] | PyMap): void {
    this.#originals.set(copy, original);
  }
}
