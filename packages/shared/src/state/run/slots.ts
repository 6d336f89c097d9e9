import type { ModuleContext } from '../../modules/contract/index.ts';
import { PyMap, traverse, type Value } from '../../values/index.ts';
import { hasSlot, SLOT } from '../compile/index.ts';

/** A slot taken apart: `__slot__:salt:mod.fun(a, k=b).path ~ tail`. */
export interface Slot {
  readonly fun: string;
  readonly args: readonly string[];
  readonly kwargs: Readonly<Record<string, string>>;
  /** Dotted path into the answer; empty for the whole. */
  readonly path: string;
  /** Text put behind a text answer. */
  readonly tail: string | undefined;
}

/** Fills slots in by calling their functions; everything else stays. An unreadable slot stays as it is, as in Salt. */
export async function fillSlots(value: Value, ctx: Pick<ModuleContext, 'call' | 'hasFunction'>): Promise<Value> {
  if (!hasSlot(value)) return value;
  if (typeof value === 'string') {
    const slot = parseSlot(value);
    return slot === undefined || !ctx.hasFunction(slot.fun) ? value : fill(slot, ctx);
  }
  if (Array.isArray(value)) return Promise.all(value.map((item) => fillSlots(item, ctx)));
  const filled = new PyMap();
  for (const [key, item] of value as PyMap) filled.set(key, await fillSlots(item, ctx));
  return filled;
}

async function fill(slot: Slot, ctx: Pick<ModuleContext, 'call'>): Promise<Value> {
  const answer = await ctx.call(slot.fun, slot.args, slot.kwargs);
  const found = slot.path === '' ? answer : (traverse(answer, slot.path, '.') ?? null);
  return slot.tail !== undefined && typeof found === 'string' ? found + slot.tail : found;
}

/** Reads a slot (Salt 3006 state.py, format_slots); all arguments are texts. Undefined: not a slot Edge can call. */
export function parseSlot(text: string): Slot | undefined {
  const body = text.startsWith(`${SLOT}salt:`) ? text.slice(SLOT.length + 'salt:'.length) : undefined;
  const open = body?.indexOf('(') ?? -1;
  if (body === undefined || open < 1) return undefined;
  const call = readCall(body, open + 1);
  if (call === undefined) return undefined;
  const [access = '', ...tails] = body.slice(call.end).split('~');
  const path = access.trim().replace(/^\./, '');
  const tail = tails.length === 0 ? undefined : tails.join('~').trim();
  return { fun: body.slice(0, open).trim(), args: call.args, kwargs: call.kwargs, path, tail };
}

interface Call {
  readonly args: string[];
  readonly kwargs: Record<string, string>;
  /** Index behind the closing parenthesis. */
  readonly end: number;
}

function readCall(text: string, start: number): Call | undefined {
  const call = { args: [] as string[], kwargs: {} as Record<string, string> };
  let word = '';
  let isQuoted = false;
  let key: string | undefined;
  let depth = 0;
  const finish = (): void => {
    if (key !== undefined) call.kwargs[key] = word;
    else if (word !== '' || isQuoted) call.args.push(word);
    word = '';
    isQuoted = false;
    key = undefined;
  };
  for (let at = start; at < text.length; at += 1) {
    const char = text[at]!;
    if (char === '"' || char === "'") {
      const close = text.indexOf(char, at + 1);
      if (close === -1) return undefined;
      word += text.slice(at + 1, close);
      isQuoted = true;
      at = close;
    } else if (depth === 0 && char === ')') {
      finish();
      return { ...call, end: at + 1 };
    } else if (depth === 0 && char === ',') finish();
    else if (depth === 0 && char === '=' && key === undefined) {
      key = word;
      word = '';
    } else {
      if ('([{'.includes(char)) depth += 1;
      else if (')]}'.includes(char)) depth -= 1;
      if (depth > 0 || !/\s/.test(char)) word += char;
    }
  }
  return undefined;
}
