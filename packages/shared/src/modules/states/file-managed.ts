import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { changesOf, defineState, inSync, type ModuleContext, refused, type StateModule } from '../contract/index.ts';
import { applyOwnership, lookAt } from '../operations/index.ts';
import {
  backupArg,
  looksAtPath,
  makedirsArg,
  modeArg,
  ownerArgs,
  ownershipOf,
  pathArg,
  showChangesArg,
  showDiffArg,
  variablesArg,
} from './file-arguments.ts';
import { contentChange, contentsText, type FoundContent, fetchSource, ownershipChange } from './file-content.ts';

const sourceList = z
  .union([z.string(), z.array(z.string())])
  .transform((source) => (typeof source === 'string' ? [source] : source));

/** Template arguments: names for `template: jinja`. */
export const templateArgs = {
  template: z.enum(['jinja']).optional().describe('Render the content with this engine first.'),
  context: anyValue().optional().describe('Names for the template.'),
  defaults: anyValue().optional().describe('Names for the template that `context` overrides.'),
};

const schema = z.object({
  name: pathArg,
  source: sourceList
    .optional()
    .describe('`salt://` path, path on the host or http address; a list: the first that exists.'),
  source_hash: z
    .string()
    .optional()
    .describe('Digest the source must have: sha256=<hex>, or the address of a file of digests.'),
  source_hash_name: z
    .string()
    .optional()
    .describe('Name of the source in a file of digests; that of the file or of the source where absent.'),
  skip_verify: z.boolean().default(false).describe('Take an http source without a digest.'),
  ...ownerArgs,
  mode: modeArg.optional().describe('Permissions, octal, in quotes; `keep` takes those of the source.'),
  ...templateArgs,
  makedirs: makedirsArg,
  dir_mode: modeArg.optional().describe('Permissions of directories that are made.'),
  replace: z.boolean().default(true).describe('False leaves the content of a file that exists alone.'),
  backup: backupArg(false),
  show_changes: showChangesArg,
  show_diff: showDiffArg,
  create: z.boolean().default(true).describe('False does nothing when the file is missing.'),
  contents: anyValue().optional().describe('The content: a text, or a list of lines.'),
  contents_pillar: z.string().optional().describe('Path in the pillar of the content.'),
  contents_grains: z.string().optional().describe('Path in the grains of the content.'),
  contents_newline: z.boolean().default(true).describe('End the content with a line end.'),
  contents_delimiter: z
    .string()
    .default(':')
    .describe('What separates the parts of contents_pillar and contents_grains.'),
  allow_empty: z.boolean().default(true).describe('False refuses empty content from pillar or grains.'),
  follow_symlinks: z.boolean().default(true).describe('Write what a symlink points to; false replaces the link.'),
  check_cmd: z
    .string()
    .optional()
    .describe('Command that gets a file with the new content as last argument and must succeed before it is used.'),
  tmp_dir: z
    .string()
    .optional()
    .describe('Directory of the file that check_cmd gets; that of the file itself where absent.'),
  tmp_ext: z.string().default('').describe('Ending of the name of the file that check_cmd gets.'),
  encoding: z.enum(['utf-8', 'utf8']).optional().describe('Accepted for Salt trees; text is UTF-8.'),
  encoding_errors: z.string().optional().describe('Accepted for Salt trees; text is UTF-8.'),
  keep_source: z.boolean().default(true).describe('Accepted for Salt trees; downloads are not kept.'),
  use_etag: z.boolean().default(false).describe('Accepted for Salt trees; digests say what has changed.'),
  verify_ssl: z.boolean().default(true).describe('Accepted for Salt trees; certificates are always verified.'),
  variables: variablesArg,
});
type Args = z.output<typeof schema>;

/** `file.managed`. */
export const fileManaged: StateModule = defineState({
  name: 'file.managed',
  summary: 'Ensure a file has given content, owner and permissions.',
  effect: 'repair',
  args: schema,
  keywords: 'variables',
  keywordsWith: 'template',
  examples: [
    {
      title: 'from a template',
      args: { name: '/etc/app.conf', source: 'salt://app/app.conf', template: 'jinja', mode: '0640', user: 'app' },
    },
    { title: 'literal lines', args: { name: '/etc/motd', contents: ['hello', 'world'] } },
  ],
  firstLook: looksAtPath,
  async check(args, ctx) {
    const { name } = args;
    if (!name.startsWith('/')) return refused(`Specified file ${name} is not an absolute path`);
    const origins = [args.source, args.contents, args.contents_pillar, args.contents_grains].filter(
      (given) => given !== undefined,
    );
    if (origins.length > 1)
      return refused(`${name}: only one of source, contents, contents_pillar and contents_grains may be given`);
    const target = await lookAt(ctx.host, name, { followLinks: args.follow_symlinks });
    const { path, stat: found } = target;
    if (found?.kind === 'directory') return refused(`Specified target ${name} is a directory`);
    if (found === undefined && !args.create) return inSync(`File ${name} is not present and is not set for creation`);
    const isKept = found !== undefined && (!args.replace || origins.length === 0);
    const content = isKept ? undefined : ((await contentOf(args, ctx)) ?? { bytes: new Uint8Array() });
    const ownership = ownershipOf({ ...args, mode: args.mode === 'keep' ? undefined : args.mode });
    const wanted = args.mode === 'keep' ? { ...ownership, mode: content?.mode } : ownership;
    const change =
      content === undefined ||
      (await contentChange(ctx, {
        name,
        found: target,
        content,
        ownership: wanted,
        makedirs: args.makedirs,
        dirMode: args.dir_mode === undefined ? undefined : ownershipOf({ mode: args.dir_mode }).mode,
        backup: args.backup,
        showChanges: args.show_changes && args.show_diff,
        check:
          args.check_cmd === undefined ? undefined : { cmd: args.check_cmd, dir: args.tmp_dir, ending: args.tmp_ext },
      }));
    if (content === undefined || change === true) {
      const rights = ownershipChange(name, found!, wanted, async ({ host }) => {
        await applyOwnership(host, path, wanted);
        return undefined;
      });
      return rights === true ? inSync(`File ${name} is in the correct state`) : changesOf(rights);
    }
    return changesOf(change);
  },
});

/** Content of the arguments; undefined when they name none. @throws EdgeError */
async function contentOf(args: Args, ctx: ModuleContext): Promise<FoundContent | undefined> {
  if (args.source !== undefined)
    return await fetchSource(ctx, {
      sources: args.source,
      sourceHash: args.source_hash,
      sourceHashName: args.source_hash_name,
      target: args.name,
      skipVerify: args.skip_verify,
      template: args.template,
      variables: templateVariables(args),
    });
  const contents = args.contents ?? lookedUp(args, ctx);
  if (contents === undefined) return undefined;
  const { text, sealed } = contentsText(contents, args.contents_newline);
  if (text === '' && !args.allow_empty && args.contents === undefined)
    throw new EdgeError('EDGE_BAD_ARGUMENT', `the content of ${args.name} is empty and allow_empty is false`);
  const rendered =
    args.template === undefined
      ? text
      : await ctx.renderTemplate({ text, path: args.name, engine: args.template, variables: templateVariables(args) });
  return { bytes: new Uint8Array(Buffer.from(rendered)), sealed };
}

function lookedUp(
  { contents_pillar, contents_grains, contents_delimiter }: Args,
  ctx: ModuleContext,
): Value | undefined {
  const key = contents_pillar ?? contents_grains;
  if (key === undefined) return undefined;
  const kind = contents_pillar === undefined ? 'grains' : 'pillar';
  let at: Value | undefined = contents_pillar === undefined ? ctx.facts : ctx.pillar.data;
  for (const part of key.split(contents_delimiter))
    at = at instanceof PyMap ? at.get(part) : Array.isArray(at) ? at[Number(part)] : undefined;
  if (at !== undefined) return at;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${kind} ${key} does not exist`,
    { key },
    {
      hint: kind === 'pillar' ? 'pillar.items shows what the host has.' : 'grains.items shows what the host has.',
    },
  );
}

/** Names a template gets: those beside the arguments, defaults over them, and context over both (Salt 3006 utils/templates.py). */
export function templateVariables({
  variables,
  context,
  defaults,
}: {
  variables?: Value | undefined;
  context?: Value | undefined;
  defaults?: Value | undefined;
}): ReadonlyMap<string, Value> {
  const pairs = [variables, defaults, context].flatMap((map) => (map instanceof PyMap ? [...map] : []));
  return new Map(pairs.map(([name, value]) => [String(name), value]));
}
