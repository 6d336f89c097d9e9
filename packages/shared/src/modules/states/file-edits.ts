import { dirname } from 'node:path/posix';
import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import {
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import {
  applyOwnership,
  asText,
  lookAt,
  makeDirectories,
  readFound,
  readText,
  writeText,
} from '../operations/index.ts';
import {
  appendLines,
  editLine,
  prependLines,
  pythonRegex,
  replaceBlock,
  replaceText,
  setKeyValues,
  splitLines,
  toggleComments,
  unifiedDiff,
} from '../text/index.ts';
import {
  backupArg,
  looksAtPath,
  makedirsArg,
  modeArg,
  ownerArgs,
  ownershipOf,
  pathArg,
  showChangesArg,
} from './file-arguments.ts';
import { contentsText, fetchSource } from './file-content.ts';
import { templateArgs, templateVariables } from './file-managed.ts';

const flagsArg = z
  .union([z.coerce.number(), z.array(z.string())])
  .default(8)
  .describe('Flags of the expression, names or the number of Python; 8 is MULTILINE.');
const ignoreIfMissing = z.boolean().default(false).describe('Do nothing when the file is missing.');
const contentSources = {
  source: z.string().optional().describe('`salt://` path of the text.'),
  source_hash: z.string().optional().describe('Digest the source must have.'),
  sources: z.array(z.string()).default([]).describe('Several sources, one after the other.'),
  ...templateArgs,
};

/** States that change parts of text files. */
export const fileEditStates: readonly StateModule[] = [
  ...(['append', 'prepend'] as const).map((verb) =>
    defineState({
      name: `file.${verb}`,
      summary:
        verb === 'append'
          ? 'Ensure a file has given lines; missing ones go to its end.'
          : 'Ensure a file has given lines; missing ones go to its start.',
      effect: 'repair',
      args: z.object({
        name: pathArg,
        text: anyValue().optional().describe('A text, or a list of lines.'),
        makedirs: makedirsArg,
        ...contentSources,
        ignore_whitespace: z.boolean().default(true).describe('Lines that differ only in white space are the same.'),
        header: z.boolean().default(false).describe('For prepend: the file must begin with exactly these lines.'),
        show_changes: showChangesArg,
      }),
      examples: [{ title: 'a line', args: { name: '/etc/hosts', text: '10.0.0.7 db' } }],
      firstLook: looksAtPath,
      async check(args, ctx) {
        const lines = [...textLines(args.text), ...(await sourceLines(ctx, args))];
        if (lines.length === 0) return refused(`file.${verb} needs text or source`);
        const edit = (before: string): string =>
          verb === 'append'
            ? appendLines(before, lines, args.ignore_whitespace)
            : prependLines(before, lines, args.header);
        return await edited(ctx, { ...args, edit, missing: 'create', backup: false });
      },
    }),
  ),
  defineState({
    name: 'file.replace',
    summary: 'Ensure what a regular expression matches in a file is replaced.',
    effect: 'repair',
    args: z.object({
      name: pathArg,
      pattern: z.string().describe('Regular expression, in the dialect of Python.'),
      repl: z.string().describe('Replacement; \\1 is the first group.'),
      count: z.coerce.number().int().min(0).default(0).describe('Most replacements; 0 for all.'),
      flags: flagsArg,
      bufsize: z
        .union([z.number(), z.string()])
        .optional()
        .describe('Accepted for Salt trees; the whole file is read.'),
      append_if_not_found: z.boolean().default(false).describe('Append the replacement when nothing matches.'),
      prepend_if_not_found: z.boolean().default(false).describe('Prepend the replacement when nothing matches.'),
      not_found_content: z.string().optional().describe('Text added instead of the replacement.'),
      backup: backupArg('.bak'),
      show_changes: showChangesArg,
      ignore_if_missing: ignoreIfMissing,
      backslash_literal: z.boolean().default(false).describe('Take backslashes in the replacement as they are.'),
    }),
    examples: [{ title: 'another port', args: { name: '/etc/app.conf', pattern: '^port=.*$', repl: 'port=81' } }],
    firstLook: looksAtPath,
    async check(args, ctx) {
      const options = {
        pattern: args.pattern,
        repl: args.backslash_literal ? args.repl.replaceAll('\\', '\\\\') : args.repl,
        count: args.count,
        flags: args.flags,
        appendIfNotFound: args.append_if_not_found,
        prependIfNotFound: args.prepend_if_not_found,
        notFoundContent: args.not_found_content,
      };
      return await edited(ctx, {
        ...args,
        edit: (before) => replaceText(before, options),
        missing: args.ignore_if_missing ? 'ignore' : 'refuse',
      });
    },
  }),
  defineState({
    name: 'file.line',
    summary: 'Ensure one line of a file is there, replaced, or gone.',
    effect: 'repair',
    args: z.object({
      name: pathArg,
      content: z.string().default('').describe('The line.'),
      match: z.string().optional().describe('Expression or text that finds the line to replace or delete.'),
      mode: z.enum(['ensure', 'replace', 'delete', 'insert']).describe('What to do.'),
      location: z.enum(['start', 'end']).optional().describe('Where to insert.'),
      before: z.string().optional().describe('The line is to stand before the one this matches.'),
      after: z.string().optional().describe('The line is to stand after the one this matches.'),
      show_changes: showChangesArg,
      backup: backupArg(false),
      quiet: z.boolean().default(false).describe('Do nothing when the file is missing.'),
      indent: z.boolean().default(true).describe('Take over the white space of the neighbouring line.'),
      create: z.boolean().default(false).describe('Make the file when it is missing.'),
      ...ownerArgs,
      file_mode: modeArg.optional().describe('Permissions of a file that is made.'),
    }),
    examples: [
      {
        title: 'after another line',
        args: { name: '/etc/hosts', mode: 'ensure', content: '10.0.0.7 db', after: 'localhost' },
      },
    ],
    firstLook: looksAtPath,
    async check(args, ctx) {
      const { mode, content, match, location, indent, before, after } = args;
      const edit = (text: string): string => editLine(text, { mode, content, match, location, indent, before, after });
      const missing = args.create ? 'create' : args.quiet ? 'ignore' : 'refuse';
      return await edited(ctx, {
        ...args,
        edit,
        missing,
        makedirs: false,
        ownership: ownershipOf({ ...args, mode: args.file_mode }),
      });
    },
  }),
  defineState({
    name: 'file.blockreplace',
    summary: 'Ensure the text between two marker lines of a file.',
    effect: 'repair',
    args: z.object({
      name: pathArg,
      marker_start: z.string().default('#-- start managed zone --').describe('Text of the line the block begins with.'),
      marker_end: z.string().default('#-- end managed zone --').describe('Text of the line the block ends with.'),
      content: z.string().default('').describe('What is to stand between them.'),
      ...contentSources,
      append_if_not_found: z.boolean().default(false).describe('Append the block when there are no markers.'),
      prepend_if_not_found: z.boolean().default(false).describe('Prepend the block when there are no markers.'),
      backup: backupArg('.bak'),
      show_changes: showChangesArg,
      append_newline: z.boolean().optional().describe('A line end after the content; default where it has none.'),
      insert_before_match: z
        .string()
        .optional()
        .describe('Without markers: put the block before the line this matches.'),
      insert_after_match: z.string().optional().describe('Without markers: put the block after the line this matches.'),
    }),
    examples: [],
    firstLook: looksAtPath,
    async check(args, ctx) {
      const fetched = await sourceLines(ctx, args);
      const options = {
        start: args.marker_start,
        end: args.marker_end,
        content:
          fetched.length === 0 ? args.content : [args.content, ...fetched].filter((part) => part !== '').join('\n'),
        appendIfNotFound: args.append_if_not_found,
        prependIfNotFound: args.prepend_if_not_found,
        insertBefore: args.insert_before_match,
        insertAfter: args.insert_after_match,
        appendNewline: args.append_newline,
      };
      return await edited(ctx, { ...args, edit: (before) => replaceBlock(before, options), missing: 'refuse' });
    },
  }),
  ...(['comment', 'uncomment'] as const).map((verb) =>
    defineState({
      name: `file.${verb}`,
      summary:
        verb === 'comment'
          ? 'Ensure the lines an expression matches are comments.'
          : 'Ensure the lines an expression matches are no comments.',
      effect: 'repair',
      args: z.object({
        name: pathArg,
        regex: z.string().describe('Regular expression of the line without its comment character.'),
        char: z.string().default('#').describe('What begins a comment.'),
        backup: backupArg('.bak'),
        show_changes: showChangesArg,
        ignore_missing: z.boolean().default(false).describe('A line that is not there at all is fine.'),
      }),
      examples: [],
      firstLook: looksAtPath,
      async check(args, ctx) {
        const { name, regex, char } = args;
        const verdict = await edited(ctx, {
          ...args,
          edit: (before) => toggleComments(before, regex, char, verb === 'comment'),
          missing: 'refuse',
        });
        if (verdict.kind !== 'in-sync' || args.ignore_missing) return verdict;
        const wanted = pythonRegex(regex);
        const done = splitLines(await readText(ctx.host, name)).some((line) => {
          const bare = line.trim();
          const isComment = bare.startsWith(char);
          return (
            isComment === (verb === 'comment') &&
            (isComment ? bare.slice(char.length).trimStart() : line.replace(/\n$/, '')).search(wanted) !== -1
          );
        });
        return done ? verdict : refused(`${regex}: Pattern not found in ${name}`);
      },
    }),
  ),
  defineState({
    name: 'file.keyvalue',
    summary: 'Ensure keys of a file of key and value lines have given values.',
    effect: 'repair',
    args: z.object({
      name: pathArg,
      key: z.string().optional().describe('One key.'),
      value: anyValue().optional().describe('Its value.'),
      key_values: anyValue().optional().describe('Mapping of keys to values.'),
      separator: z.string().default('=').describe('What stands between key and value.'),
      append_if_not_found: z.boolean().default(false).describe('Append keys that are missing.'),
      prepend_if_not_found: z.boolean().default(false).describe('Prepend keys that are missing.'),
      search_only: z.boolean().default(false).describe('Only look whether the keys are there.'),
      show_changes: showChangesArg,
      ignore_if_missing: ignoreIfMissing,
      count: z.coerce.number().int().default(1).describe('How many lines of a key are changed; 0 for all.'),
      uncomment: z.string().optional().describe('Comment character keys may hide behind.'),
      key_ignore_case: z.boolean().default(false).describe('Keys are the same in upper and lower case.'),
      value_ignore_case: z.boolean().default(false).describe('Values are the same in upper and lower case.'),
      create_if_missing: z.boolean().default(false).describe('Make the file when it is missing.'),
    }),
    examples: [
      {
        title: 'no root login',
        args: { name: '/etc/ssh/sshd_config', key: 'PermitRootLogin', value: 'no', separator: ' ' },
      },
    ],
    firstLook: looksAtPath,
    async check(args, ctx) {
      const pairs = keyValuePairs(args);
      if (pairs.size === 0) return refused('file.keyvalue needs key and value, or key_values');
      const edit = (before: string): string =>
        setKeyValues(before, {
          pairs,
          separator: args.separator,
          appendIfNotFound: args.append_if_not_found,
          prependIfNotFound: args.prepend_if_not_found,
          ignoreCase: args.key_ignore_case,
          countLimit: args.count,
          uncomment: args.uncomment,
          valueIgnoreCase: args.value_ignore_case,
        }).text;
      const missing = args.create_if_missing ? 'create' : args.ignore_if_missing ? 'ignore' : 'refuse';
      const verdict = await edited(ctx, { ...args, edit, missing, backup: false });
      return args.search_only && verdict.kind === 'changes'
        ? refused(`${args.name}: keys are missing or have other values`)
        : verdict;
    },
  }),
];

interface Edit {
  readonly name: string;
  readonly edit: (before: string) => string;
  /** What a file that is not there means. */
  readonly missing: 'create' | 'ignore' | 'refuse';
  readonly makedirs?: boolean;
  readonly backup?: string | boolean | undefined;
  readonly show_changes: boolean;
  readonly ownership?: ReturnType<typeof ownershipOf>;
}

/** The verdict on a text file and an edit of it. */
async function edited(ctx: ModuleContext, request: Edit): Promise<Verdict> {
  const { name, edit, missing, makedirs, backup, show_changes, ownership } = request;
  const { host } = ctx;
  if (!name.startsWith('/')) return refused(`Specified file ${name} is not an absolute path`);
  const target = await lookAt(host, name, { followLinks: true });
  const { path, stat: found } = target;
  if (found === undefined && missing !== 'create')
    return missing === 'ignore' ? inSync(`${name}: file not found`) : refused(`${name}: file not found`);
  if (found?.kind === 'directory') return refused(`${name} is a directory`);
  const before = found === undefined ? '' : asText(host, path, await readFound(host, target));
  let after: string;
  try {
    after = edit(before);
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_BAD_ARGUMENT')
      return refused(error.hint === undefined ? error.message : `${error.message}. ${error.hint}`);
    throw error;
  }
  if (after === before && found !== undefined) return inSync('No changes needed to be made');
  const sealed = ctx.holdsSecret?.(after) ?? false;
  const diff = show_changes && !sealed ? unifiedDiff(before, after) : undefined;
  return changesOf({
    what: `file ${name}: ${found === undefined ? 'created' : 'edited'}`,
    before: found === undefined ? null : 'as it was',
    after: 'edited',
    changes: { diff: sealed ? '[secret]' : (diff ?? '<show_changes=False>') },
    ...(diff === undefined ? {} : { diff }),
    ...(sealed ? { sealed } : {}),
    async apply({ host: writer }) {
      if (makedirs === true) await makeDirectories(writer, dirname(path));
      if (typeof backup === 'string' && backup.startsWith('.') && found !== undefined)
        await writeText(writer, `${path}${backup}`, before);
      await writeText(writer, path, after);
      if (ownership !== undefined) await applyOwnership(writer, path, ownership);
      return undefined;
    },
  });
}

function textLines(text: Value | undefined): string[] {
  if (text === undefined || text === null) return [];
  return (Array.isArray(text) ? text : [text]).map((line) =>
    line === null || line === '' ? '' : contentsText(line, false).text,
  );
}

async function sourceLines(
  ctx: ModuleContext,
  args: {
    source?: string | undefined;
    source_hash?: string | undefined;
    sources: readonly string[];
    template?: string | undefined;
    context?: Value | undefined;
    defaults?: Value | undefined;
  },
): Promise<string[]> {
  const texts: string[] = [];
  for (const source of args.source === undefined ? args.sources : [args.source, ...args.sources]) {
    const { bytes } = await fetchSource(ctx, {
      sources: [source],
      sourceHash: args.source_hash,
      skipVerify: false,
      template: args.template,
      variables: templateVariables(args),
    });
    texts.push(Buffer.from(bytes).toString('utf8').replace(/\n$/, ''));
  }
  return texts;
}

function keyValuePairs({
  key,
  value,
  key_values,
}: {
  key?: string | undefined;
  value?: Value | undefined;
  key_values?: Value | undefined;
}): Map<string, string> {
  const text = (item: Value): string => contentsText(item, false).text;
  const pairs =
    key_values instanceof PyMap ? [...key_values].map(([name, item]) => [String(name), text(item)] as const) : [];
  return new Map(key === undefined || value === undefined ? pairs : [...pairs, [key, text(value)]]);
}
