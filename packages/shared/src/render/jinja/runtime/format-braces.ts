import { PyFault, valueError } from './fault.ts';
import { formatValue } from './format-spec.ts';
import { repr, str } from './print.ts';
import type { Kwargs } from './types.ts';

/** How fields reach members: the sandboxed look-ups of the render. */
export interface FieldAccess {
  attribute(value: unknown, name: string): unknown;
  item(value: unknown, key: string | number): unknown;
}

/** Python's `format.format(*args, **kwargs)`; fields go through the sandbox. */
export function formatBraces(
  format: string,
  args: readonly unknown[],
  kwargs: Kwargs,
  access: FieldAccess,
  depth = 2,
): string {
  let out = '';
  let automatic = 0;
  let at = 0;
  if (depth < 0) throw valueError('Max string recursion exceeded');
  while (at < format.length) {
    const character = format[at]!;
    if (character !== '{' && character !== '}') {
      out += character;
      at += 1;
    } else if (format[at + 1] === character) {
      out += character;
      at += 2;
    } else if (character === '}') throw valueError("Single '}' encountered in format string");
    else {
      const end = fieldEnd(format, at);
      const field = format.slice(at + 1, end);
      const { name, conversion, spec } = splitField(field);
      let path = name;
      if (/^(?:$|[.[])/.test(path)) {
        if (automatic < 0)
          throw valueError('cannot switch from manual field specification to automatic field numbering');
        path = `${automatic}${path}`;
        automatic += 1;
      } else if (/^\d/.test(path)) {
        if (automatic > 0)
          throw valueError('cannot switch from automatic field numbering to manual field specification');
        automatic = -1;
      }
      const nested = spec.includes('{')
        ? formatBraces(
            spec.replaceAll('{}', () => `{${automatic++}}`),
            args,
            kwargs,
            access,
            depth - 1,
          )
        : spec;
      out += formatValue(convert(fieldValue(path, args, kwargs, access), conversion), nested);
      at = end + 1;
    }
  }
  return out;
}

function fieldEnd(format: string, start: number): number {
  let open = 0;
  for (let at = start; at < format.length; at += 1) {
    if (format[at] === '{') open += 1;
    else if (format[at] === '}') {
      open -= 1;
      if (open === 0) return at;
    }
  }
  throw valueError(
    start === format.length - 1 ? "Single '{' encountered in format string" : "expected '}' before end of string",
  );
}

function splitField(field: string): { name: string; conversion: string | undefined; spec: string } {
  const [, name, conversion, spec] = /^((?:[^!:[]|\[[^\]]*\])*)(?:!([^:]*))?(?::([\s\S]*))?$/.exec(field) ?? [];
  if (name === undefined) throw valueError(`expected ':' after conversion specifier`);
  return { name, conversion, spec: spec ?? '' };
}

function fieldValue(path: string, args: readonly unknown[], kwargs: Kwargs, access: FieldAccess): unknown {
  const [first] = /^[^.[]*/.exec(path)!;
  let value: unknown;
  if (/^\d+$/.test(first)) {
    if (Number(first) >= args.length) {
      throw new PyFault('IndexError', 'Replacement index 0 out of range for positional args tuple'.replace('0', first));
    }
    value = args[Number(first)];
  } else {
    value = kwargs?.get(first);
    if (value === undefined) throw new PyFault('KeyError', repr(first));
  }
  for (const step of path.slice(first.length).matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)) {
    if (step[1] !== undefined) value = access.attribute(value, step[1]);
    else value = access.item(value, /^\d+$/.test(step[2]!) ? Number(step[2]) : step[2]!);
  }
  return value;
}

function convert(value: unknown, conversion: string | undefined): unknown {
  switch (conversion) {
    case undefined:
      return value;
    case 's':
      return str(value);
    case 'r':
    case 'a':
      return repr(value);
    default:
      throw valueError(`Unknown conversion specifier '${conversion}'`);
  }
}
