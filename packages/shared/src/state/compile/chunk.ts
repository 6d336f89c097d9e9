import { PyMap } from '../../values/index.ts';
import type { Chunk, CompileCatalog, StepKey } from '../contract.ts';
import { shown } from '../high/index.ts';
import { guardsOf, optionsOf } from './options.ts';
import { orderNumber } from './order.ts';
import type { KeyedChunk, RequisiteResolver } from './resolve.ts';
import type { LowChunk, Tree } from './tree.ts';
import { LIST_WORDS, RUNNER_WORDS } from './words.ts';

/** Words no function ever gets, even if it has an argument of that name. */
const NEVER_ARGUMENTS = new Set([...LIST_WORDS, 'prerequired', 'fun', 'state', 'order', 'names', 'retry', 'parallel']);

/** Salt's key of a low chunk. */
export function keyOf({ low }: LowChunk): StepKey {
  return ['state', '__id__', 'name', 'fun'].map((part) => shown(low.get(part)!)).join('_|-');
}

/** Splits a low chunk into arguments, guards, the runner's words and requisites. */
export function chunkOf(
  tree: Tree,
  keyed: KeyedChunk,
  resolver: RequisiteResolver,
  catalog: Pick<CompileCatalog, 'declares' | 'stepWords'>,
): Chunk {
  const { low, place } = keyed.chunk;
  const state = shown(low.get('state')!);
  const fun = shown(low.get('fun')!);
  const takes = (word: string): boolean => !NEVER_ARGUMENTS.has(word) && catalog.declares(state, fun, word);
  const args = new PyMap();
  const stepWords = new PyMap();
  for (const [key, value] of low) {
    const word = shown(key);
    if (catalog.stepWords?.has(word) === true && !takes(word)) stepWords.set(word, value);
    else if (!word.startsWith('__') && (!RUNNER_WORDS.has(word) || takes(word))) args.set(word, value);
  }
  return {
    key: keyed.key,
    state,
    fun,
    id: shown(low.get('__id__')!),
    name: low.get('name')!,
    sls: shown(low.get('__sls__') ?? ''),
    env: shown(low.get('__env__') ?? 'base'),
    order: orderNumber(low.get('order')),
    args,
    low,
    requisites: resolver.requisitesOf(keyed),
    guards: guardsOf(keyed.chunk),
    options: optionsOf(tree, keyed.chunk, takes),
    ...(stepWords.size === 0 ? {} : { stepWords }),
    ...(place === undefined ? {} : { place }),
  };
}
