import type { SourceRange } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { type HighData, shown } from '../high/index.ts';
import { type Entry, type Item, report, type StateDeclaration, type Tree } from './tree.ts';
import { LIST_WORDS, SALT_VERIFIES } from './words.ts';

/**
 * First pass: reads high data into a tree and reports every part of the wrong shape (Salt 3006 state.py, verify_high).
 * What is wrong is left out, so that later passes can go on.
 */
export function parseHigh(high: HighData): Tree {
  const tree: Tree = {
    ids: new Map(),
    extensions: [],
    exclusions: [],
    places: high.places,
    diagnostics: [],
    unresolved: [],
    broken: new Set(),
  };
  for (const [id, body] of high.data) {
    const place = high.places.of(high.data, id);
    if (id === '__extend__') parseExtensions(tree, body);
    else if (id === '__exclude__') parseExclusions(tree, body);
    else if (typeof id !== 'string' || !id.startsWith('__')) parseId(tree, id, body, place);
  }
  return tree;
}

function parseId(tree: Tree, id: Value, body: Value, place: SourceRange | undefined): void {
  const text = shown(id);
  if (!(body instanceof PyMap)) {
    const summary = `The type ${text} in ${shown(body)} is not formatted as a dictionary`;
    report(tree, { code: 'EDGE_SLS_SHAPE', summary, place, id: text });
    return;
  }
  const sls = shown(body.get('__sls__') ?? '');
  if (typeof id !== 'string') {
    report(tree, {
      code: 'EDGE_SLS_SHAPE',
      summary: `ID '${text}' in SLS '${sls}' is not formed as a string, but is a ${typeName(id)}. It may need to be quoted.`,
      detail: `write '${text}' in quotes as it is to be called`,
      place,
      id: text,
    });
  }
  const env = shown(body.get('__env__') ?? 'base');
  const states = new Map(parseStates(tree, text, sls, body).map((state) => [state.state, state] as const));
  tree.ids.set(text, { id: text, sls, env, states, place });
}

function parseExtensions(tree: Tree, extensions: Value): void {
  for (const extension of Array.isArray(extensions) ? extensions : []) {
    if (!(extension instanceof PyMap)) continue;
    for (const [id, body] of extension) {
      if (!(body instanceof PyMap)) continue;
      const sls = shown(body.get('__sls__') ?? '');
      tree.extensions.push({
        id: shown(id),
        sls,
        env: shown(body.get('__env__') ?? 'base'),
        states: parseStates(tree, shown(id), sls, body),
        place: tree.places.of(extension, id),
      });
    }
  }
}

function parseExclusions(tree: Tree, exclusions: Value): void {
  if (!Array.isArray(exclusions)) return;
  exclusions.forEach((exclusion, index) => {
    const pair = exclusion instanceof PyMap && exclusion.size === 1 ? [...exclusion][0] : undefined;
    if (typeof exclusion === 'string') tree.exclusions.push({ by: 'sls', name: exclusion });
    else if (pair?.[0] === 'sls' || pair?.[0] === 'id') tree.exclusions.push({ by: pair[0], name: shown(pair[1]) });
    else {
      report(later(tree), {
        code: 'EDGE_SLS_SHAPE',
        summary: `exclude: an entry is neither \`sls: NAME\` nor \`id: NAME\``,
        place: tree.places.of(exclusions, index),
      });
    }
  });
}

function parseStates(tree: Tree, id: string, sls: string, body: PyMap): StateDeclaration[] {
  const states: StateDeclaration[] = [];
  for (const [key, list] of body) {
    const state = shown(key);
    if (state.startsWith('__')) continue;
    const place = tree.places.of(body, key);
    if (list === null) {
      report(tree, {
        code: 'EDGE_SLS_SHAPE',
        summary: `ID '${id}' in SLS '${sls}' contains a short declaration (${state}) with a trailing colon`,
        detail: 'without arguments the colon must be left out, or write `[]` behind it',
        place,
        id,
      });
    } else if (!Array.isArray(list)) {
      report(tree, {
        code: 'EDGE_SLS_SHAPE',
        summary: `State '${id}' in SLS '${sls}' is not formed as a list`,
        detail: `write each argument of ${state} behind \`- \``,
        place,
        id,
      });
    } else {
      const items = list.flatMap((item, index) => parseItem(tree, { id, sls, state, list, item, index }));
      states.push({ state, items, place });
    }
  }
  return states;
}

interface ItemSite {
  readonly id: string;
  readonly sls: string;
  readonly state: string;
  readonly list: Value[];
  readonly item: Value;
  readonly index: number;
}

function parseItem(tree: Tree, site: ItemSite): readonly Item[] {
  const { id, sls, state, list, item, index } = site;
  const place = tree.places.of(list, index);
  if (typeof item === 'string') {
    if (!item.trim().includes(' ')) return [{ kind: 'function', name: item, place }];
    report(tree, {
      code: 'EDGE_STATE_FUNCTION',
      summary: `The function "${item}" in state "${id}" in SLS "${sls}" has whitespace`,
      detail: 'an argument needs a `:` behind its name',
      place,
      id,
    });
    return [];
  }
  if (!(item instanceof PyMap) || item.size === 0) {
    const summary = `State '${id}' in SLS '${sls}': an entry of ${state} is neither a function nor \`argument: value\``;
    report(tree, { code: 'EDGE_SLS_SHAPE', summary, place, id });
    return [];
  }
  const entries: Entry[] = [];
  for (const [key, value] of item) {
    const entry = { key: shown(key), value, place: tree.places.of(item, key) ?? place };
    if (isWellFormed(tree, site, entry)) entries.push(entry);
  }
  return entries.length === 0 ? [] : [{ kind: 'arguments', entries }];
}

function isWellFormed(tree: Tree, { id, sls }: ItemSite, entry: Entry): boolean {
  const { key, value, place } = entry;
  if (key === 'names' && !Array.isArray(value)) {
    const summary = `The 'names' argument in state '${id}' in SLS '${sls}' needs to be formed as a list`;
    report(tree, { code: 'EDGE_SLS_SHAPE', summary, place, id });
    return false;
  }
  if (!LIST_WORDS.has(key)) return true;
  if (!Array.isArray(value)) {
    // Salt takes a mapping for the *_in forms; every pair of it is one requisite.
    if (value instanceof PyMap && key.endsWith('_in')) return true;
    const isStructural = SALT_VERIFIES.has(key);
    report(isStructural ? tree : later(tree), {
      code: 'EDGE_SLS_SHAPE',
      summary: `The ${key} statement in state '${id}' in SLS '${sls}' needs to be formed as a list`,
      detail: `write \`- ${key}:\` and the requisites below it, each behind \`- \``,
      place,
      id,
    });
    return !isStructural;
  }
  value.forEach((requisite, index) => {
    checkRequisite(tree, { id, sls, word: key, requisite, place: tree.places.of(value, index) ?? place });
  });
  return true;
}

interface RequisiteSite {
  readonly id: string;
  readonly sls: string;
  readonly word: string;
  readonly requisite: Value;
  readonly place: SourceRange | undefined;
}

function checkRequisite(whole: Tree, { id, sls, word, requisite, place }: RequisiteSite): void {
  const tree = SALT_VERIFIES.has(word) ? whole : later(whole);
  if (typeof requisite === 'string') return;
  const pair = requisite instanceof PyMap ? [...requisite][0] : undefined;
  if (pair === undefined) {
    const summary = `Requisite declaration ${shown(requisite)} in SLS ${sls} is not formed as a single key dictionary`;
    report(tree, { code: 'EDGE_SLS_SHAPE', summary, place, id });
    return;
  }
  const kind = shown(pair[0]);
  if (kind.includes('.')) {
    report(tree, {
      code: 'EDGE_SLS_SHAPE',
      summary: `Invalid requisite type '${kind}' in state '${id}', in SLS '${sls}'`,
      detail: `requisite types have no dots: did you mean '${kind.slice(0, kind.indexOf('.'))}'?`,
      place,
      id,
    });
  } else if (pair[1] instanceof PyMap || Array.isArray(pair[1])) {
    const summary = `Illegal requisite "${kind}" below ${word} of '${id}' in SLS '${sls}': its name is not a text`;
    report(tree, { code: 'EDGE_SLS_SHAPE', summary, place, id });
  }
}

/** Where problems go that Salt finds only while running. */
function later(tree: Tree): Pick<Tree, 'diagnostics' | 'broken'> {
  return { diagnostics: tree.unresolved, broken: tree.broken };
}

function typeName(value: Value): string {
  if (typeof value === 'boolean') return 'bool';
  if (value === null) return 'NoneType';
  return typeof value === 'number' && Number.isInteger(value) ? 'int' : typeof value === 'bigint' ? 'int' : 'float';
}
