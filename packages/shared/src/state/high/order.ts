import { PyMap, type Value } from '../../values/index.ts';

/** First number given to a state without an `order` of its own (Salt 3006 state.py, iorder). */
export const FIRST_ORDER = 10_000;

/** Appends `order` to every state that has none, counting on from `next`; answers the next number. */
export function numberStates(data: PyMap, next: number): number {
  let order = next;
  for (const [id, body] of data) {
    if (!(body instanceof PyMap) || (typeof id === 'string' && id.startsWith('__'))) continue;
    for (const [state, list] of body) {
      if (typeof state !== 'string' || state.startsWith('_') || !Array.isArray(list)) continue;
      if (list.some(hasOrder)) continue;
      list.push(new PyMap([['order', order]]));
      order += 1;
    }
  }
  return order;
}

function hasOrder(item: Value): boolean {
  return item instanceof PyMap && item.keys().next().value === 'order';
}
