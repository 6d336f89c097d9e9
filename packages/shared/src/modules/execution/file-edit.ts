import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { defineWrite, type ExecutionModule } from '../contract/index.ts';
import { followLinks, readIfPresent, readText, requireAbsolute, writeText } from '../operations/index.ts';
import { editLine, replaceBlock, replaceText, toggleComments, unifiedDiff } from '../text/index.ts';

const pathArg = z.string().describe('Absolute path.');
const linesArg = z.array(z.string()).default([]).describe('Lines, each as an argument or in a list named args.');

/** Functions that change the text of files. */
export const fileEditFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'file.write',
    summary: 'Write lines to a file, replacing what is in it.',
    args: z.object({ path: pathArg, args: linesArg }),
    rest: 'args',
    returns: 'A sentence.',
    examples: [{ title: 'one line', args: { path: '/etc/motd', args: ['hello'] } }],
    async run({ path, args }, { host }) {
      requireAbsolute(path);
      await writeText(host, path, args.map((line) => `${line}\n`).join(''));
      return `Wrote ${args.length} lines to "${path}"`;
    },
  }),
  defineWrite({
    name: 'file.append',
    summary: 'Append lines to a file.',
    args: z.object({ path: pathArg, args: linesArg }),
    rest: 'args',
    returns: 'A sentence.',
    examples: [],
    async run({ path, args }, { host }) {
      requireAbsolute(path);
      const before = Buffer.from((await readIfPresent(host, path)) ?? []).toString('utf8');
      const joint = before === '' || before.endsWith('\n') ? before : `${before}\n`;
      await writeText(host, path, joint + args.map((line) => `${line}\n`).join(''));
      return `Wrote ${args.length} lines to "${path}"`;
    },
  }),
  defineWrite({
    name: 'file.prepend',
    summary: 'Put lines before those of a file.',
    args: z.object({ path: pathArg, args: linesArg }),
    rest: 'args',
    returns: 'A sentence.',
    examples: [],
    async run({ path, args }, { host }) {
      requireAbsolute(path);
      const before = Buffer.from((await readIfPresent(host, path)) ?? []).toString('utf8');
      await writeText(host, path, args.map((line) => `${line}\n`).join('') + before);
      return `Prepended ${args.length} lines to "${path}"`;
    },
  }),
  defineWrite({
    name: 'file.replace',
    summary: 'Replace what a regular expression matches in a file.',
    args: z.object({
      path: pathArg,
      pattern: z.string().describe('Regular expression, in the dialect of Python.'),
      repl: z.string().describe('Replacement; \\1 is the first group.'),
      count: z.coerce.number().int().min(0).default(0).describe('Most replacements; 0 for all.'),
      flags: z
        .union([z.coerce.number(), z.array(z.string())])
        .default(8)
        .describe('Flags of the expression; 8 is MULTILINE.'),
      bufsize: z
        .union([z.number(), z.string()])
        .default(1)
        .describe('Accepted for Salt trees; the whole file is read.'),
      append_if_not_found: z.boolean().default(false).describe('Append the replacement when nothing matches.'),
      prepend_if_not_found: z.boolean().default(false).describe('Prepend the replacement when nothing matches.'),
      not_found_content: z.string().optional().describe('Text added instead of the replacement.'),
      backup: z
        .union([z.string(), z.boolean()])
        .default('.bak')
        .describe('Ending of the copy of the old file; false for none.'),
      dry_run: z.boolean().default(false).describe('Change nothing.'),
      search_only: z.boolean().default(false).describe('Only tell whether it matches.'),
      show_changes: z.boolean().default(true).describe('Answer a diff instead of true or false.'),
      ignore_if_missing: z.boolean().default(false).describe('Do nothing when the file is missing.'),
    }),
    returns: 'A unified diff, or true or false.',
    examples: [{ title: 'another port', args: { path: '/etc/app.conf', pattern: '^port=.*$', repl: 'port=81' } }],
    async run(args, { host }) {
      if (args.ignore_if_missing && (await host.stat(args.path)) === undefined) return false;
      const before = await readText(host, args.path);
      const edit = {
        pattern: args.pattern,
        repl: args.repl,
        count: args.count,
        flags: args.flags,
        appendIfNotFound: args.append_if_not_found,
        prependIfNotFound: args.prepend_if_not_found,
        notFoundContent: args.not_found_content,
      };
      const after = replaceText(before, edit);
      if (args.search_only) return after !== before;
      return await applied(host, args.path, before, after, {
        dryRun: args.dry_run,
        backup: args.backup,
        show: args.show_changes,
      });
    },
  }),
  defineWrite({
    name: 'file.line',
    summary: 'Ensure, replace, delete or insert one line of a file.',
    args: z.object({
      path: pathArg,
      content: z.string().default('').describe('The line.'),
      match: z.string().optional().describe('Expression or text that finds the line to replace or delete.'),
      mode: z.enum(['ensure', 'replace', 'delete', 'insert']).describe('What to do.'),
      location: z.enum(['start', 'end']).optional().describe('Where to insert.'),
      before: z.string().optional().describe('The line is to stand before the one this matches.'),
      after: z.string().optional().describe('The line is to stand after the one this matches.'),
      show_changes: z.boolean().default(true).describe('Answer a diff instead of true or false.'),
      backup: z.union([z.string(), z.boolean()]).default(false).describe('Ending of a copy of the old file.'),
      quiet: z.boolean().default(false).describe('Answer false instead of failing when the file is missing.'),
      indent: z.boolean().default(true).describe('Take over the white space of the neighbouring line.'),
    }),
    returns: 'A unified diff, or true or false.',
    examples: [
      {
        title: 'one line after another',
        args: { path: '/etc/hosts', mode: 'ensure', content: '10.0.0.7 db', after: 'localhost' },
      },
    ],
    async run(args, { host }) {
      if (args.quiet && (await host.stat(args.path)) === undefined) return false;
      const before = await readText(host, args.path);
      const { mode, content, match, location, indent } = args;
      const after = editLine(before, {
        mode,
        content,
        match,
        location,
        indent,
        before: args.before,
        after: args.after,
      });
      return await applied(host, args.path, before, after, {
        dryRun: false,
        backup: args.backup,
        show: args.show_changes,
      });
    },
  }),
  defineWrite({
    name: 'file.blockreplace',
    summary: 'Replace what stands between two marker lines of a file.',
    args: z.object({
      path: pathArg,
      marker_start: z.string().default('#-- start managed zone --').describe('Text of the line the block begins with.'),
      marker_end: z.string().default('#-- end managed zone --').describe('Text of the line the block ends with.'),
      content: z.string().default('').describe('What is to stand between them.'),
      append_if_not_found: z.boolean().default(false).describe('Append the block when there are no markers.'),
      prepend_if_not_found: z.boolean().default(false).describe('Prepend the block when there are no markers.'),
      backup: z
        .union([z.string(), z.boolean()])
        .default('.bak')
        .describe('Ending of the copy of the old file; false for none.'),
      dry_run: z.boolean().default(false).describe('Change nothing.'),
      show_changes: z.boolean().default(true).describe('Answer a diff instead of true or false.'),
      append_newline: z.boolean().optional().describe('A line end after the content; default where it has none.'),
      insert_before_match: z
        .string()
        .optional()
        .describe('Without markers: put the block before the line this matches.'),
      insert_after_match: z.string().optional().describe('Without markers: put the block after the line this matches.'),
    }),
    returns: 'A unified diff, or true or false.',
    examples: [],
    async run(args, { host }) {
      const before = await readText(host, args.path);
      const after = replaceBlock(before, {
        start: args.marker_start,
        end: args.marker_end,
        content: args.content,
        appendIfNotFound: args.append_if_not_found,
        prependIfNotFound: args.prepend_if_not_found,
        insertBefore: args.insert_before_match,
        insertAfter: args.insert_after_match,
        appendNewline: args.append_newline,
      });
      return await applied(host, args.path, before, after, {
        dryRun: args.dry_run,
        backup: args.backup,
        show: args.show_changes,
      });
    },
  }),
  ...(['file.comment', 'file.uncomment'] as const).map((name) =>
    defineWrite({
      name,
      summary:
        name === 'file.comment'
          ? 'Comment out the lines an expression matches.'
          : 'Make the commented lines an expression matches active.',
      args: z.object({
        path: pathArg,
        regex: z.string().describe('Regular expression of the line without its comment character.'),
        char: z.string().default('#').describe('What begins a comment.'),
        backup: z
          .union([z.string(), z.boolean()])
          .default('.bak')
          .describe('Ending of the copy of the old file; false for none.'),
      }),
      returns: 'A unified diff, or false.',
      examples: [],
      async run({ path, regex, char, backup }, { host }) {
        const before = await readText(host, path);
        const after = toggleComments(before, regex, char, name === 'file.comment');
        return await applied(host, path, before, after, { dryRun: false, backup, show: true });
      },
    }),
  ),
];

async function applied(
  host: Host,
  path: string,
  before: string,
  after: string,
  options: { dryRun: boolean; backup: string | boolean; show: boolean },
): Promise<string | boolean> {
  if (before === after) return options.show ? '' : false;
  if (!options.dryRun) {
    if (typeof options.backup === 'string' && options.backup !== '') {
      const target = await followLinks(host, path);
      await writeText(host, `${target}${options.backup}`, before);
    }
    await writeText(host, path, after);
  }
  return options.show ? unifiedDiff(before, after) : true;
}
