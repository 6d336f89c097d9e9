import { float, integer, type PyFloat } from './values.ts';
import { YAML_TAG } from './yaml-tags.ts';

const TRUTH: Readonly<Record<string, boolean>> = {
  yes: true,
  true: true,
  on: true,
  no: false,
  false: false,
  off: false,
};

/**
 * The value of a scalar under one of the tags with a syntax of their own (`!!null`, `!!bool`, `!!int`, `!!float`,
 * `!!binary`); undefined when the text does not fit the tag.
 */
export function scalarValue(
  tag: string,
  text: string,
): null | boolean | number | bigint | PyFloat | Uint8Array | undefined {
  switch (tag) {
    case YAML_TAG.null:
      return null;
    case YAML_TAG.bool:
      return TRUTH[text.toLowerCase()];
    case YAML_TAG.int:
      return parseInteger(text);
    case YAML_TAG.float:
      return parseFloatText(text);
    case YAML_TAG.binary:
      return parseBinary(text);
    default:
      return undefined;
  }
}

/** Salt's rule: leading zeros fall away, so that `0755` is 755; only a signed `-0755` is octal, as YAML 1.1 says. */
function parseInteger(text: string): number | bigint | undefined {
  const stripped = text.startsWith('0') && !/^0[bx]/.test(text) ? text.replace(/^0+/, '') || '0' : text;
  const digits = stripped.replaceAll('_', '').trim();
  const [, sign, body] = /^([-+]?)(.*)$/s.exec(digits)!;
  const magnitude = parseMagnitude(body!);
  if (magnitude === undefined) return undefined;
  return integer(sign === '-' ? -magnitude : magnitude);
}

function parseMagnitude(body: string): bigint | undefined {
  if (/^0b[01]+$/.test(body) || /^0x[0-9a-fA-F]+$/.test(body)) return BigInt(body);
  if (/^0[0-7]*$/.test(body)) return body === '0' ? 0n : BigInt(`0o${body.slice(1)}`);
  if (/^[1-9]\d*$/.test(body)) return BigInt(body);
  if (!/^\d+(?::\d+)+$/.test(body)) return undefined;
  return body.split(':').reduce((total, part) => total * 60n + BigInt(part), 0n);
}

const NAMED: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  '.inf': Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  nan: Number.NaN,
  '.nan': Number.NaN,
};

function parseFloatText(text: string): number | PyFloat | undefined {
  const plain = text.replaceAll('_', '').toLowerCase();
  const [, sign, body] = /^([-+]?)(.*)$/s.exec(plain)!;
  const named = NAMED[body!];
  const magnitude = named ?? parseFloatMagnitude(body!.trim());
  if (magnitude === undefined) return undefined;
  return float(sign === '-' ? -magnitude : magnitude);
}

function parseFloatMagnitude(body: string): number | undefined {
  const parts = body.split(':');
  if (!parts.every((part) => /^(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/.test(part))) return undefined;
  // Summed from the last part on, as PyYAML does: the rounding is then the same.
  return parts.reduceRight(({ sum, base }, part) => ({ sum: sum + Number(part) * base, base: base * 60 }), {
    sum: 0,
    base: 1,
  }).sum;
}

function parseBinary(text: string): Uint8Array | undefined {
  if (/[^\x20-\x7e\t\r\n]/.test(text)) return undefined;
  const data = text.replace(/[^A-Za-z0-9+/=]/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(data) || data.length % 4 !== 0) return undefined;
  return new Uint8Array(Buffer.from(data, 'base64'));
}
