import { z } from 'zod';
import { CodedAnswer, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { splitWords } from '../operations/index.ts';

const patterns = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((value) => (typeof value === 'string' ? [value] : (value ?? [])));
const endpoint = z.string().regex(/^[^-]/, 'a path does not begin with a dash');

/** Copies between hosts. */
export const rsyncFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'rsync.rsync',
    summary: 'Copy files with rsync, run on the host.',
    args: z.object({
      src: endpoint.describe('From: a path, or host:path.'),
      dst: endpoint.describe('To: a path, or host:path.'),
      delete: z.boolean().default(false).describe('Remove what the source lacks.'),
      force: z.boolean().default(false).describe('Remove directories that are not empty too.'),
      update: z.boolean().default(false).describe('Leave newer files alone.'),
      passwordfile: z.string().optional().describe('File with the password of an rsync daemon.'),
      exclude: patterns.describe('Patterns to leave out.'),
      excludefrom: z.string().optional().describe('File of patterns to leave out.'),
      dryrun: z.boolean().default(false).describe('Only tell what would be copied.'),
      rsh: z.string().optional().describe('Remote shell.'),
      additional_opts: z
        .union([z.string(), z.array(z.string())])
        .default('')
        .transform((value) => (typeof value === 'string' ? splitWords(value) : value))
        .describe('Further options.'),
    }),
    returns: 'A mapping of retcode, stdout and stderr.',
    examples: [{ title: 'a release', args: { src: '/srv/build/', dst: '/srv/app/', delete: true } }],
    async run(args, { host, signal }) {
      const switches = {
        '--delete': args.delete,
        '--force': args.force,
        '--update': args.update,
        '--dry-run': args.dryrun,
      };
      const values = { '--password-file': args.passwordfile, '--exclude-from': args.excludefrom, '--rsh': args.rsh };
      const options = [
        ...Object.entries(switches).flatMap(([flag, isOn]) => (isOn ? [flag] : [])),
        ...Object.entries(values).flatMap(([flag, value]) => (value === undefined ? [] : [`${flag}=${value}`])),
        ...args.exclude.map((pattern) => `--exclude=${pattern}`),
        ...args.additional_opts,
      ];
      const result = await host.exec(['rsync', '-avz', ...options, '--', args.src, args.dst], {
        signal,
        timeoutMs: 86_400_000,
      });
      return new CodedAnswer(
        { retcode: result.exitCode, stdout: result.stdout.trimEnd(), stderr: result.stderr.trimEnd() },
        result.exitCode,
      );
    },
  }),
];
