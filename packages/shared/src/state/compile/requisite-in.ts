import type { SourceRange } from '../../kernel/index.ts';
import { didYouMean } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { shown } from '../high/index.ts';
import { reconcileExtensions } from './extend.ts';
import { type FoundState, indexNames, type NameIndex } from './name-index.ts';
import { type Entry, type Extension, firstKey, type IdDeclaration, type Item, type Tree } from './tree.ts';

/** Words that put something onto another state, or take something from one. */
const TRANSFER_WORDS = new Set([
  'require_in',
  'watch_in',
  'onfail_in',
  'onchanges_in',
  'use',
  'use_in',
  'prereq',
  'prereq_in',
]);
/** Arguments that `use` leaves where they are. */
const NOT_USED = new Set([
  ...TRANSFER_WORDS,
  'require',
  'watch',
  'onfail',
  'onfail_stop',
  'onchanges',
  'name',
  'names',
]);
/** Salt repeats the earlier entries of a `*_in` list once for every later one; beyond this length nobody looks. */
const REPEATED_UP_TO = 16;

/**
 * Turns `require_in` and its like into requisites of their targets, `use` and `use_in` into copied arguments, and
 * notes `prerequired` on both ends of `prereq` (Salt 3006 state.py, requisite_in).
 */
export function transferRequisites(tree: Tree): void {
  const names = indexNames(tree);
  const collector = new Collector(tree, names);
  for (const declaration of tree.ids.values()) {
    for (const { state, items } of declaration.states.values()) {
      for (const item of items) collector.collect(declaration, state, item);
    }
  }
  reconcileExtensions(tree, collector.extensions(), names);
}

interface Pending {
  readonly id: string;
  readonly sls: string;
  readonly env: string;
  readonly states: Map<string, { items: Item[]; byWord: Map<string, Value[]> }>;
  readonly place: SourceRange | undefined;
}

class Collector {
  readonly #tree: Tree;
  readonly #names: NameIndex;
  readonly #pending = new Map<string, Pending>();

  constructor(tree: Tree, names: NameIndex) {
    this.#tree = tree;
    this.#names = names;
  }

  extensions(): Extension[] {
    return [...this.#pending.values()].map(({ id, sls, env, states, place }) => ({
      id,
      sls,
      env,
      place,
      states: [...states].map(([state, { items }]) => ({ state, items })),
    }));
  }

  collect(from: IdDeclaration, state: string, item: Item): void {
    const word = firstKey(item);
    if (word === undefined || !TRANSFER_WORDS.has(word) || item.kind !== 'arguments') return;
    const entry = item.entries[0]!;
    if (entry.value instanceof PyMap) {
      for (const [kind, name] of entry.value)
        this.#require(from, state, entry, { id: shown(name), state: shown(kind) });
    } else if (Array.isArray(entry.value)) this.#collectList(from, state, entry, entry.value);
  }

  #collectList(from: IdDeclaration, state: string, entry: Entry, list: readonly Value[]): void {
    let targets: FoundState[] = [];
    list.forEach((requisite, index) => {
      const pair = requisite instanceof PyMap ? [...requisite][0] : undefined;
      const target =
        pair === undefined ? this.#byIdOrName(shown(requisite)) : { state: shown(pair[0]), id: shown(pair[1]) };
      if (target === undefined) {
        this.#missing(from, entry, shown(requisite), this.#tree.places.of(entry.value, index));
        return;
      }
      if (target.state === 'sls') targets = [...this.#names.ofSls(target.id)];
      else if (list.length <= REPEATED_UP_TO) targets.push(target);
      else targets = [target];
      for (const found of targets) this.#transfer(from, state, entry, { ...found, state: found.state.split('.')[0]! });
    });
  }

  /** Salt drops such an entry without a word. */
  #missing(from: IdDeclaration, entry: Entry, name: string, place: SourceRange | undefined): void {
    if (entry.key === 'prereq' || this.#tree.broken.has(name)) return;
    this.#tree.unresolved.push({
      severity: 'error',
      code: 'EDGE_STATE_REQUISITE_MISSING',
      summary: `${entry.key} of '${from.id}' in SLS '${from.sls}' names '${name}', which is not there`,
      detail: didYouMean(name, this.#tree.ids.keys()),
      ...(place === undefined && entry.place === undefined ? {} : { source: (place ?? entry.place)! }),
    });
  }

  /** A bare ID stands for its first state, a bare name for the state that has it. */
  #byIdOrName(name: string): FoundState | undefined {
    const declaration = this.#tree.ids.get(name);
    const [state] = declaration?.states.keys() ?? [];
    if (state !== undefined) return { id: name, state };
    return this.#names.named(name);
  }

  #transfer(from: IdDeclaration, state: string, entry: Entry, target: FoundState): void {
    switch (entry.key) {
      case 'prereq':
        for (const found of this.#strict(target))
          this.#append(found, from, requisiteItem('prerequired', state, from.id), entry);
        return;
      case 'use':
        for (const found of this.#strict(target)) this.#use({ id: from.id, state }, found, from, entry);
        return;
      case 'use_in':
        for (const found of this.#strict(target)) this.#use(found, { id: from.id, state }, from, entry);
        return;
      case 'prereq_in':
        this.#append({ id: from.id, state }, from, requisiteItem('prerequired', target.state, target.id), entry);
        this.#require(from, state, entry, target);
        return;
      default:
        this.#require(from, state, entry, target);
    }
  }

  /** States a target really has: Salt adds nothing to modules that are not there in these forms. */
  #strict(target: FoundState): readonly FoundState[] {
    return this.#names
      .find(target.id, target.state)
      .filter(({ id, state }) => this.#tree.ids.get(id)?.states.has(state));
  }

  #use(user: FoundState, used: FoundState, from: IdDeclaration, entry: Entry): void {
    const own = this.#tree.ids.get(user.id)?.states.get(user.state)?.items ?? [];
    const kept = new Set(own.map(firstKey));
    for (const item of this.#tree.ids.get(used.id)?.states.get(used.state)?.items ?? []) {
      const key = firstKey(item);
      if (key === undefined || item.kind !== 'arguments' || item.entries.length !== 1) continue;
      if (!kept.has(key) && !NOT_USED.has(key)) this.#append(user, from, item, entry);
    }
  }

  /** Notes `{word: [{state: from}]}` on the target, joining what is noted there already. */
  #require(from: IdDeclaration, state: string, entry: Entry, target: FoundState): void {
    const word = entry.key.split('_')[0]!;
    const { items, byWord } = this.#noted(target, from, entry);
    const requisite = new PyMap([[state, from.id]]);
    const list = byWord.get(word);
    if (list !== undefined) list.push(requisite);
    else {
      const fresh: Value[] = [requisite];
      byWord.set(word, fresh);
      items.push({ kind: 'arguments', entries: [{ key: word, value: fresh, place: entry.place }] });
    }
  }

  #append(target: FoundState, from: IdDeclaration, item: Item, entry: Entry): void {
    this.#noted(target, from, entry).items.push(item);
  }

  #noted(target: FoundState, from: IdDeclaration, entry: Entry): { items: Item[]; byWord: Map<string, Value[]> } {
    let pending = this.#pending.get(target.id);
    if (pending === undefined) {
      pending = { id: target.id, sls: from.sls, env: from.env, states: new Map(), place: entry.place };
      this.#pending.set(target.id, pending);
    }
    let noted = pending.states.get(target.state);
    if (noted === undefined) {
      noted = { items: [], byWord: new Map() };
      pending.states.set(target.state, noted);
    }
    return noted;
  }
}

function requisiteItem(word: string, state: string, id: string): Item {
  return { kind: 'arguments', entries: [{ key: word, value: [new PyMap([[state, id]])] }] };
}
