/** An id split around the number that counts hosts: `web` `01` `.prod.example.com`. */
interface NumberedId {
  readonly prefix: string;
  readonly digits: string;
  readonly suffix: string;
}

/** Digits beyond this many are a serial number or hash, not a count. */
const MAX_DIGITS = 9;

/**
 * Writes ids the short way: `db1, web[01-48]`. Every id is in exactly one part; the order is that of names, numbers
 * counted as numbers. Expanding the parts gives back exactly the ids.
 */
export function compressHosts(ids: Iterable<string>): readonly string[] {
  const unique = [...new Set(ids)].sort(compareHosts);
  const parts: string[] = [];
  let index = 0;
  while (index < unique.length) {
    const length = rangeLength(unique, index);
    parts.push(length === 1 ? unique[index]! : rangeText(unique[index]!, unique[index + length - 1]!));
    index += length;
  }
  return parts;
}

/** Orders ids as people count: `web2` before `web10`. */
export function compareHosts(a: string, b: string): number {
  const [left, right] = [splitId(a), splitId(b)];
  if (left && right && left.prefix === right.prefix && left.suffix === right.suffix) {
    return Number(left.digits) - Number(right.digits) || left.digits.length - right.digits.length;
  }
  const order = (one: string, split: NumberedId | undefined): string =>
    split ? `${split.prefix}\0${split.suffix}` : one;
  return compareText(order(a, left), order(b, right)) || compareText(a, b);
}

function rangeLength(ids: readonly string[], start: number): number {
  const first = splitId(ids[start]!);
  if (first === undefined) return 1;
  let length = 1;
  for (; start + length < ids.length; length += 1) {
    const wanted = String(Number(first.digits) + length).padStart(first.digits.length, '0');
    if (ids[start + length] !== first.prefix + wanted + first.suffix) break;
  }
  return length;
}

function rangeText(from: string, to: string): string {
  const { prefix, digits, suffix } = splitId(from)!;
  return `${prefix}[${digits}-${splitId(to)!.digits}]${suffix}`;
}

/** Splits at the last number of the first label, or of the whole id where that label has none. */
function splitId(id: string): NumberedId | undefined {
  const dot = id.indexOf('.');
  const label = dot < 0 ? id : id.slice(0, dot);
  const match = /^(.*?)(\d+)(\D*)$/s.exec(label) ?? (label === id ? null : /^(.*?)(\d+)(\D*)$/s.exec(id));
  if (match === null || match[2]!.length > MAX_DIGITS) return undefined;
  const rest = match[0] === id ? '' : id.slice(label.length);
  return { prefix: match[1]!, digits: match[2]!, suffix: match[3]! + rest };
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
