import { z } from 'zod';
import { EdgeError, requireCompiled } from '../../kernel/index.ts';
import { dumpJson, dumpYaml, loadJson, loadSls, loadYaml } from '../../render/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyFloat, PyMap, type Value } from '../../values/index.ts';
import { defineRead, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { readIfPresent } from '../operations/index.ts';
import { bannerText } from '../text/index.ts';

const pathArg = z.string().describe('Path below the file roots: web/files.');
const saltenvArg = z.string().optional().describe('Environment; that of the job where absent.');
const formatArg = z.enum(['yaml', 'json']).describe('Format: yaml or json.');

/** What templates ask about their own tree, and texts made of data. */
export const slsutilFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'slsutil.serialize',
    summary: 'Write data as text.',
    args: z.object({
      serializer: formatArg,
      obj: anyValue().describe('The data.'),
      options: anyValue().optional().describe('Options of the format: default_flow_style, indent, sort_keys.'),
    }),
    keywords: 'options',
    returns: 'A text.',
    examples: [],
    run: ({ serializer, obj, options }) => Promise.resolve(serialized(serializer, obj, optionsOf(options))),
  }),
  defineRead({
    name: 'slsutil.deserialize',
    summary: 'Read data from text.',
    args: z.object({
      serializer: formatArg,
      stream_or_string: z.string().describe('The text.'),
      options: anyValue().optional().describe('Accepted for Salt trees.'),
    }),
    keywords: 'options',
    returns: 'The data.',
    examples: [],
    run: ({ serializer, stream_or_string: text }) =>
      Promise.resolve(serializer === 'json' ? loadJson(text) : loadYaml(text)),
  }),
  defineRead({
    name: 'slsutil.renderer',
    summary: 'Render a file or a text as an SLS file is, and answer its data.',
    args: z.object({
      path: z.string().optional().describe('`salt://` path, or a path on the host.'),
      string: z.string().optional().describe('The text, where there is no path.'),
      default_renderer: z
        .string()
        .default('jinja|yaml')
        .describe('Renderers of a file without a line that names them.'),
      names: anyValue().optional().describe('Names for the template.'),
    }),
    keywords: 'names',
    returns: 'The data; a text where no renderer loads it.',
    examples: [],
    run: async ({ path, string, default_renderer, names }, ctx) => {
      if (path === undefined && string === undefined)
        throw new EdgeError('EDGE_MISSING_ARGUMENT', 'slsutil.renderer needs path or string');
      const text = string ?? (await textAt(path!, ctx));
      return await rendered(text, path ?? '<string>', default_renderer, { names, ctx });
    },
  }),
  defineRead({
    name: 'slsutil.boolstr',
    summary: 'Answer one text for what counts as true and another for what does not.',
    args: z.object({
      value: anyValue().describe('The value; numbers above zero and the text true count as true.'),
      true: z.string().default('true').describe('Text for true.'),
      false: z.string().default('false').describe('Text for false.'),
    }),
    returns: 'A text.',
    examples: [],
    run: ({ value, true: yes, false: no }) => Promise.resolve(isTrue(value) ? yes : no),
  }),
  defineRead({
    name: 'slsutil.banner',
    summary: 'Answer a comment block for the head of a managed file.',
    args: z.object({
      width: z.number().int().default(72).describe('Columns.'),
      commentchar: z.string().default('#').describe('What begins a line.'),
      borderchar: z.string().default('#').describe('What the border is drawn with.'),
      blockstart: z.string().optional().describe('Line before the block.'),
      blockend: z.string().optional().describe('Line behind the block.'),
      title: z.string().default('THIS FILE IS MANAGED BY EDGE - DO NOT EDIT').describe('Centred line.'),
      text: z
        .string()
        .default(
          'The contents of this file are managed by Edge. Any changes to this file may be overwritten automatically and without warning.',
        )
        .describe('Text below the title.'),
      newline: z.boolean().default(false).describe('End with a line end.'),
    }),
    returns: 'A text.',
    examples: [],
    run: (args) => Promise.resolve(bannerText(args)),
  }),
  ...(['path', 'file', 'dir'] as const).map((kind) =>
    defineRead({
      name: `slsutil.${kind}_exists`,
      summary: `Tell whether a ${kind === 'dir' ? 'directory' : kind} is below the file roots.`,
      args: z.object({ path: pathArg, saltenv: saltenvArg }),
      returns: 'True or false.',
      examples: [],
      run: async ({ path, saltenv = 'base' }, { files }) =>
        (kind !== 'dir' && (await files.open(bare(path), saltenv)) !== undefined) ||
        (kind !== 'file' && (await isDirectory(files, bare(path), saltenv))),
    }),
  ),
  defineRead({
    name: 'slsutil.findup',
    summary: 'Find the nearest file of some names in a directory of the file roots or above it.',
    args: z.object({
      startpath: z.string().describe('Where to begin: the slspath of a file.'),
      filenames: z.union([z.string(), z.array(z.string())]).describe('Names, relative to the directory.'),
      saltenv: saltenvArg,
    }),
    returns: 'The path below the file roots.',
    examples: [],
    run: async ({ startpath, filenames, saltenv = 'base' }, { files }) => {
      const names = typeof filenames === 'string' ? [filenames] : filenames;
      const parts = bare(startpath)
        .split('/')
        .filter((part) => part !== '');
      for (let depth = parts.length; depth >= 0; depth -= 1) {
        for (const name of names) {
          const path = [...parts.slice(0, depth), name].join('/');
          if ((await files.open(path, saltenv)) !== undefined || (await isDirectory(files, path, saltenv))) return path;
        }
      }
      throw new EdgeError('EDGE_FILE_NOT_FOUND', `none of ${names.join(', ')} is in ${startpath} or above it`, {
        startpath,
      });
    },
  }),
];

function bare(path: string): string {
  return path.replace(/^(?:salt|edge):\/\//, '').replace(/^\/+|\/+$/g, '');
}

async function isDirectory(files: ModuleContext['files'], path: string, saltenv: string): Promise<boolean> {
  for await (const _ of files.list(path === '' ? '' : `${path}/`, saltenv)) return true;
  return false;
}

function optionsOf(options: Value | undefined): ReadonlyMap<string, Value> {
  return new Map(options instanceof PyMap ? [...options].map(([key, value]) => [String(key), value]) : []);
}

/** As Salt 3006 serializers/yaml.py and json.py write it, without a line end. */
function serialized(format: 'yaml' | 'json', data: Value, options: ReadonlyMap<string, Value>): string {
  const indent = options.get('indent');
  const width = typeof indent === 'number' ? { indent } : {};
  if (format === 'json')
    return dumpJson(data, {
      ...width,
      sortKeys: options.get('sort_keys') === true,
      ensureAscii: options.get('ensure_ascii') !== false,
    });
  const text = dumpYaml(data, {
    ...width,
    flowStyle: options.get('default_flow_style') !== false,
    sortKeys: options.get('sort_keys') !== false,
  });
  return text.replace(/\n\.\.\.\n$/, '').replace(/\n$/, '');
}

async function textAt(path: string, { host, files, saltenv }: ModuleContext): Promise<string> {
  const found = path.startsWith('/')
    ? await readIfPresent(host, path)
    : await (await files.open(path, saltenv))?.read();
  if (found !== undefined) return Buffer.from(found).toString('utf8');
  throw new EdgeError('EDGE_FILE_NOT_FOUND', `${path} is not there`, { path, saltenv });
}

async function rendered(
  text: string,
  path: string,
  fallback: string,
  { names, ctx }: { names: Value | undefined; ctx: ModuleContext },
): Promise<Value> {
  const [first = ''] = text.split('\n', 1);
  const renderers = (first.startsWith('#!') && !first.startsWith('#!/') ? first.slice(2) : fallback).trim().split('|');
  let value: Value = text;
  for (const renderer of renderers.map((name) => name.trim())) {
    if (renderer === 'jinja')
      value = await ctx.renderTemplate({ text: String(value), path, engine: 'jinja', variables: optionsOf(names) });
    else if (renderer === 'yaml') value = requireCompiled(loadSls(String(value), { path })).value;
    else if (renderer === 'json') value = loadJson(String(value));
    else if (renderer !== 'text')
      throw new EdgeError(
        'EDGE_UNKNOWN_RENDERER',
        `${path}: no renderer \`${renderer}\` in slsutil.renderer`,
        { renderer },
        { hint: 'There are jinja, yaml, json and text.' },
      );
  }
  return value;
}

/** Salt 3006 utils/data.py, is_true: numbers above zero, also as text, and the text `true`; of the rest, what is not empty. */
function isTrue(value: Value): boolean {
  const number =
    value instanceof PyFloat ? value.value : typeof value === 'string' ? Number(value || Number.NaN) : value;
  if (typeof number === 'bigint' || (typeof number === 'number' && !Number.isNaN(number))) return number > 0;
  if (typeof value === 'string') return value.toLowerCase() === 'true';
  if (Array.isArray(value)) return value.length > 0;
  return value instanceof PyMap ? value.size > 0 : value !== null && value !== false;
}
