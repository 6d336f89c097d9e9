import { didYouMean } from '../../schema/index.ts';
import { compileGlob, isGlob } from '../../target/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { Requisite, StepKey } from '../contract.ts';
import { shown } from '../high/index.ts';
import { type LowChunk, report, type Tree } from './tree.ts';
import { REQUISITE_WORDS, type RequisiteWord } from './words.ts';

/** Suggestions look at every ID; a tree with more lost requisites than this has another problem. */
const SUGGESTIONS = 20;

/** A chunk and its key. */
export interface KeyedChunk {
  readonly key: StepKey;
  readonly chunk: LowChunk;
}

/** Finds what requisites name: by ID or name, below a module or anywhere, by SLS, literally or by glob. */
export class RequisiteResolver {
  readonly #tree: Tree;
  readonly #chunks: readonly KeyedChunk[];
  /** `state\0text` and `text` → keys in compiled order. */
  readonly #byText = new Map<string, StepKey[]>();
  readonly #bySls = new Map<string, StepKey[]>();
  /** Listening key → keys that have it in `listen_in`. */
  readonly #listenIn = new Map<StepKey, StepKey[]>();
  #suggested = 0;

  constructor(tree: Tree, chunks: readonly KeyedChunk[]) {
    this.#tree = tree;
    this.#chunks = chunks;
    for (const { key, chunk } of chunks) {
      const state = shown(chunk.low.get('state')!);
      const id = shown(chunk.low.get('__id__')!);
      const name = shown(chunk.low.get('name')!);
      for (const text of id === name ? [id] : [id, name]) {
        add(this.#byText, `${state}\0${text}`, key);
        add(this.#byText, text, key);
      }
      add(this.#bySls, shown(chunk.low.get('__sls__') ?? ''), key);
    }
    for (const keyed of chunks) {
      for (const listener of this.#listed(keyed, 'listen_in')) add(this.#listenIn, listener, keyed.key);
    }
  }

  /** The requisites of a chunk; what is not there is reported. */
  requisitesOf(keyed: KeyedChunk): readonly Requisite[] {
    const found = new Map<string, { word: RequisiteWord; targets: Set<StepKey> }>();
    for (const [name, word] of REQUISITE_WORDS) {
      const listed = this.#listed(keyed, name);
      // Salt keeps `listen_in` where it is written; every other `*_in` has moved to its target by now.
      const targets = name === 'listen' ? [...listed, ...(this.#listenIn.get(keyed.key) ?? [])] : listed;
      if (targets.length === 0) continue;
      const slot = `${word.kind} ${word.quantifier}`;
      const entry = found.get(slot) ?? { word, targets: new Set<StepKey>() };
      found.set(slot, entry);
      for (const target of targets) entry.targets.add(target);
    }
    return [...found.values()].map(({ word, targets }) => ({ ...word, targets: [...targets] }));
  }

  /** Targets of what stands below one word. */
  #listed({ key, chunk }: KeyedChunk, name: string): readonly StepKey[] {
    const list = chunk.low.get(name);
    if (!Array.isArray(list)) return [];
    return list.flatMap((requisite, index) => this.#targets(key, chunk, { name, list, index, requisite }));
  }

  #targets(own: StepKey, chunk: LowChunk, site: RequisiteSite): readonly StepKey[] {
    const { requisite } = site;
    const pair = requisite instanceof PyMap ? [...requisite][0] : undefined;
    if (pair === undefined && typeof requisite !== 'string') return [];
    const state = pair === undefined ? 'id' : shown(pair[0]).split('.')[0]!;
    const value = pair === undefined ? requisite : pair[1];
    if (value === null) return [];
    const text = shown(value);
    const targets = state === 'sls' ? this.#ofSls(text) : this.#named(state, text);
    if (targets.length === 0) this.#missing(chunk, site, state, text);
    // A pattern or a whole file that happens to hold the state itself means the others.
    return state === 'sls' || isGlob(text) ? targets.filter((target) => target !== own) : targets;
  }

  #ofSls(text: string): readonly StepKey[] {
    if (!isGlob(text)) return this.#bySls.get(text) ?? [];
    const matches = compileGlob(text);
    return [...this.#bySls].flatMap(([sls, keys]) => (matches(sls) ? keys : []));
  }

  #named(state: string, text: string): readonly StepKey[] {
    if (!isGlob(text)) return this.#byText.get(state === 'id' ? text : `${state}\0${text}`) ?? [];
    const matches = compileGlob(text);
    return this.#chunks.flatMap(({ key, chunk: { low } }) => {
      if (state !== 'id' && low.get('state') !== state) return [];
      const candidates = [shown(low.get('__id__')!), shown(low.get('name')!)];
      return candidates.some((candidate) => candidate === text || matches(candidate)) ? [key] : [];
    });
  }

  #missing(chunk: LowChunk, site: RequisiteSite, state: string, text: string): void {
    if (this.#tree.broken.has(text)) return;
    const id = shown(chunk.low.get('__id__')!);
    const { name, list, index, requisite } = site;
    const place =
      (requisite instanceof PyMap ? this.#tree.places.of(requisite, [...requisite.keys()][0]!) : undefined) ??
      this.#tree.places.of(list, index) ??
      chunk.places.get(name) ??
      chunk.place;
    report(
      { diagnostics: this.#tree.unresolved, broken: this.#tree.broken },
      {
        code: 'EDGE_STATE_REQUISITE_MISSING',
        summary: `${name} of '${id}' in SLS '${shown(chunk.low.get('__sls__') ?? '')}' was not found: ${state}: ${text}`,
        detail: this.#suggestion(state, text),
        place,
      },
    );
  }

  #suggestion(state: string, text: string): string {
    this.#suggested += 1;
    if (this.#suggested > SUGGESTIONS) return '';
    if (state === 'sls') return didYouMean(text, this.#bySls.keys());
    const elsewhere = this.#chunks.find(({ chunk }) => chunk.low.get('__id__') === text);
    if (elsewhere !== undefined)
      return `'${text}' is there as \`${shown(elsewhere.chunk.low.get('state')!)}: ${text}\``;
    const prefix = `${state}\0`;
    const known = [...this.#byText.keys()].flatMap((key) =>
      state === 'id' ? (key.includes('\0') ? [] : [key]) : key.startsWith(prefix) ? [key.slice(prefix.length)] : [],
    );
    return didYouMean(text, known) || 'is the SLS that declares it included?';
  }
}

interface RequisiteSite {
  /** The word it stands below. */
  readonly name: string;
  readonly list: Value[];
  readonly index: number;
  readonly requisite: Value;
}

function add(index: Map<string, StepKey[]>, text: string, key: StepKey): void {
  const keys = index.get(text);
  if (keys === undefined) index.set(text, [key]);
  else keys.push(key);
}
