import { dispatch } from '@edge-run/cli/shell';
import { dumpYaml } from '@edge-run/shared/render';
import type { Declaration } from '@edge-run/shared/schema';
import { fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import type { Command } from 'commander';
import { inputSchema, type Schema } from './arguments.ts';

type Example = Declaration['examples'][number];

/** `edge-run '*' cmd.run command='uptime -p'`. */
export function functionLine({ name, ...declaration }: Declaration, example: Example): string {
  return ["edge-run '*'", name, ...wordsOf({ name, ...declaration }, example)].join(' ');
}

/** `edge-run manage.up`; names the command line would take for a target go through `runner`. */
export function runnerLine(declaration: Declaration, example: Example, program: Command): string {
  const { name } = declaration;
  const isShort = dispatch([name], program).argv[0] === 'runner';
  return ['edge-run', ...(isShort ? [] : ['runner']), name, ...wordsOf(declaration, example)].join(' ');
}

/** The example as an entry of an SLS file, under its title as ID. */
export function slsEntry({ name, keywords }: Declaration, { title, args }: Example): string {
  const given = membersOf(args, keywords).map(([key, value]) => new PyMap([[key, value]]));
  const body = given.length === 0 ? [] : given;
  return dumpYaml(new PyMap([[title, new PyMap([[name, body]])]]), { sortKeys: false, width: 100 });
}

function wordsOf(declaration: Declaration, { args }: Example): readonly string[] {
  const { rest, keywords } = declaration;
  const schema = inputSchema(declaration.args);
  const members = membersOf(args, keywords);
  const extra = rest === undefined ? undefined : members.find(([key]) => key === rest)?.[1];
  const positional = Array.isArray(extra) ? extra : [];
  // What stands before positional words must be positional too.
  const isPositional = (key: string): boolean =>
    positional.length > 0 &&
    Object.keys(schema.properties ?? {}).indexOf(key) < Object.keys(schema.properties ?? {}).indexOf(rest!);
  const named = members.filter(([key]) => key !== rest);
  return [
    ...named.filter(([key]) => isPositional(key)).map(([, value]) => quoted(plainText(value))),
    ...positional.map((value) => quoted(plainText(value))),
    ...named.filter(([key]) => !isPositional(key)).map(([key, value]) => word(key, value, schema.properties?.[key])),
  ];
}

/** The arguments in order, with those that a `keywords` mapping collects beside the others. */
function membersOf(args: object, keywords: string | undefined): readonly (readonly [string, Value])[] {
  return Object.entries(args).flatMap(([key, raw]): (readonly [string, Value])[] => {
    if (raw === undefined) return [];
    const value = fromPlain(raw);
    return key === keywords && value instanceof PyMap
      ? [...value].map(([name, item]) => [String(name), item])
      : [[key, value]];
  });
}

/** `key=value`, or `key:=JSON` for what plain words cannot say. */
function word(key: string, value: Value, schema: Schema | undefined): string {
  const isText = typeof value === 'string';
  const readsAsText =
    isText && (schema?.type === 'string' || /^[A-Za-z/~][\w ./:@+~-]*$/.test(value)) && !value.includes('\n');
  if (readsAsText && !/^(true|false|yes|no|on|off|null|none)$/i.test(value)) return quoted(`${key}=${value}`);
  if (!isText && (value === null || typeof value !== 'object')) return `${key}=${plainText(value)}`;
  return quoted(`${key}:=${JSON.stringify(toPlain(value))}`);
}

function plainText(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === true) return 'True';
  if (value === false) return 'False';
  return JSON.stringify(toPlain(value));
}

/** The word as a POSIX shell takes it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
