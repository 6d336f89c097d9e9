import type { JsonValue } from '@edge-run/shared/kernel';
import { decodeValue, encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import { type Style, sanitize } from './style.ts';
import { formatInline } from './values.ts';

/** What the title of a state says already. */
const IN_TITLE = new Set(['state', 'fun', 'name', 'order', 'name_order']);
const REQUISITE = /^(require|watch|onchanges|onfail|prereq|listen)(_any|_all|_in)?$/;

/** Low data as `state.show_lowstate` answers it, in the order states run; undefined for anything else. */
export function renderLowStates(ret: JsonValue, style: Style): readonly string[] | undefined {
  const list = decodeValue(ret);
  if (!Array.isArray(list) || !list.every(isChunk)) return undefined;
  const digits = String(list.length).length;
  return list.flatMap((chunk, index) => chunkLines(chunk as PyMap, String(index + 1).padStart(digits), style));
}

function isChunk(value: Value): boolean {
  return value instanceof PyMap && ['state', 'fun', 'name', '__id__'].every((key) => value.has(key));
}

function chunkLines(chunk: PyMap, number: string, style: Style): readonly string[] {
  const text = (key: string): string => sanitize(formatInline(encodeValue(chunk.get(key) ?? '')));
  const [name, id, sls] = [text('name'), text('__id__'), text('__sls__')];
  const title = `${number}  ${text('state')}.${text('fun')} ${name}${name === id ? '' : ` (${id})`}`;
  const indent = ' '.repeat(number.length + 4);
  return [
    `${style.bold(title)}${sls === '' ? '' : `   ${style.dim(sls)}`}`,
    ...[...chunk]
      .filter(([key]) => !IN_TITLE.has(String(key)) && !String(key).startsWith('__'))
      .map(([key, value]) => `${indent}${sanitize(String(key))}: ${sanitize(argumentText(String(key), value))}`),
  ];
}

/** Requisites as trees write them (`pkg: nginx, file: conf`), anything else on one line. */
function argumentText(key: string, value: Value): string {
  if (!REQUISITE.test(key) || !Array.isArray(value)) return formatInline(encodeValue(value));
  return value
    .map((target) =>
      target instanceof PyMap
        ? [...target].map(([state, id]) => `${String(state)}: ${formatInline(encodeValue(id))}`).join(', ')
        : formatInline(encodeValue(target)),
    )
    .join(', ');
}
