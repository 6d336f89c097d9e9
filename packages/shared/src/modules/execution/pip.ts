import { z } from 'zod';
import type { ExecResult } from '../../host/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { mustProbe, mustRun } from '../operations/index.ts';
import { NO_PIP, normalName, parsePipList, pipExec } from '../providers/pip/index.ts';
import { packagesArg, pipInstallArgs, pipOptions, pipWhere } from './pip-arguments.ts';
import { installWithPip, requirePip, withFile } from './pip-goal.ts';

const pkgsArg = packagesArg
  .refine((packages) => packages.every((one) => !one.startsWith('-')), 'a package does not begin with a dash')
  .optional();
const requirementsArg = z.string().optional().describe('File of requirements: `salt://` path, or path on the host.');

/** Packages of Python. */
export const pipFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'pip.install',
    summary: 'Install packages, or what a file of requirements asks for.',
    args: z.object({
      pkgs: pkgsArg.describe('Packages, with versions where wanted; with commas, or a list.'),
      requirements: requirementsArg,
      ...pipWhere,
      ...pipInstallArgs,
    }),
    returns: 'A mapping of retcode, stdout and stderr.',
    examples: [{ title: 'into a virtualenv', args: { pkgs: 'flask>=3', bin_env: '/srv/app/venv' } }],
    async run({ pkgs = [], requirements, bin_env, user, cwd, env_vars, use_vt: _, ...args }, ctx) {
      const options = pipOptions({ bin_env, user, cwd, env_vars });
      const { stdout, stderr } = await installWithPip(ctx, { packages: pkgs, requirements, args, options });
      return { retcode: 0, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
    },
  }),
  defineWrite({
    name: 'pip.uninstall',
    summary: 'Remove packages.',
    args: z.object({
      pkgs: pkgsArg.describe('Packages; with commas, or a list.'),
      requirements: requirementsArg,
      ...pipWhere,
    }),
    returns: 'A mapping of retcode, stdout and stderr.',
    examples: [],
    async run({ pkgs = [], requirements, ...where }, ctx) {
      const options = pipOptions(where);
      const pip = await requirePip(ctx, options);
      const uninstall = (words: readonly string[]): Promise<ExecResult> =>
        mustRun(ctx.host, [...pip, 'uninstall', '--yes', ...words, ...pkgs], pipExec(options, ctx.signal), NO_PIP);
      const { stdout, stderr } =
        requirements === undefined
          ? await uninstall([])
          : await withFile(ctx, requirements, (path) => uninstall([`--requirement=${path}`]));
      return { retcode: 0, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
    },
  }),
  defineRead({
    name: 'pip.list',
    summary: 'Answer the installed packages.',
    args: z.object({ prefix: z.string().optional().describe('Only names that begin so.'), ...pipWhere }),
    returns: 'A mapping of names to versions.',
    examples: [],
    async run({ prefix = '', ...where }, ctx) {
      const options = pipOptions(where);
      const pip = await requirePip(ctx, options);
      const { stdout } = await mustProbe(
        ctx.host,
        [...pip, 'list', '--format=json'],
        pipExec(options, ctx.signal),
        NO_PIP,
      );
      const listed = parsePipList(stdout).filter(({ name }) => normalName(name).startsWith(normalName(prefix)));
      return Object.fromEntries(listed.map(({ name, version }) => [name, version]));
    },
  }),
  defineRead({
    name: 'pip.freeze',
    summary: 'Answer the installed packages as a file of requirements has them.',
    args: z.object(pipWhere),
    returns: 'A list of lines.',
    examples: [],
    async run(where, ctx) {
      const options = pipOptions(where);
      const pip = await requirePip(ctx, options);
      const { stdout } = await mustProbe(ctx.host, [...pip, 'freeze', '--all'], pipExec(options, ctx.signal), NO_PIP);
      return stdout.split('\n').filter((line) => line !== '');
    },
  }),
];
