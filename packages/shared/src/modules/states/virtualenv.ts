import { z } from 'zod';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  type StateModule,
} from '../contract/index.ts';
import { packagesArg, pipInstallArgs, pipOptions } from '../execution/pip-arguments.ts';
import type { PipGoal } from '../execution/pip-goal.ts';
import { createVirtualenv, type VirtualenvArgs, virtualenvArgs } from '../execution/virtualenv.ts';
import { makeDirectories, mustRun } from '../operations/index.ts';
import { packagesChange } from './pip.ts';

/** Environments of Python as they should be. */
export const virtualenvStates: readonly StateModule[] = [
  defineState({
    name: 'virtualenv.managed',
    summary: 'Ensure a virtualenv is there, with its packages.',
    effect: 'action',
    args: z.object({
      name: z.string().startsWith('/').describe('Its directory.'),
      ...virtualenvArgs,
      requirements: z.string().optional().describe('File of requirements: `salt://` path, or path on the host.'),
      pip_pkgs: packagesArg.optional().describe('Packages it has; a list, or with commas.'),
      pip_upgrade: pipInstallArgs.upgrade,
      pip_ignore_installed: pipInstallArgs.ignore_installed,
      pip_exists_action: pipInstallArgs.exists_action,
      pip_no_cache_dir: pipInstallArgs.no_cache_dir,
      pip_cache_dir: pipInstallArgs.cache_dir,
      index_url: pipInstallArgs.index_url,
      extra_index_url: pipInstallArgs.extra_index_url,
      find_links: pipInstallArgs.find_links,
      no_index: pipInstallArgs.no_index,
      pre_releases: pipInstallArgs.pre_releases,
      no_deps: pipInstallArgs.no_deps,
      no_binary: pipInstallArgs.no_binary,
      proxy: pipInstallArgs.proxy,
    }),
    examples: [
      {
        title: 'for an application',
        args: { name: '/srv/app/venv', user: 'app', requirements: 'salt://app/requirements.txt' },
      },
    ],
    async check({ name, requirements, pip_pkgs, ...args }, ctx) {
      const isThere = (await ctx.host.stat(`${name}/bin/python`)) !== undefined;
      const { pip_upgrade, pip_ignore_installed, pip_exists_action, pip_no_cache_dir, pip_cache_dir, ...shared } = args;
      const given = {
        ...shared,
        upgrade: pip_upgrade,
        ignore_installed: pip_ignore_installed,
        exists_action: pip_exists_action,
        no_cache_dir: pip_no_cache_dir,
        cache_dir: pip_cache_dir,
        force_reinstall: false,
      };
      const goal: PipGoal = {
        packages: pip_pkgs ?? [],
        requirements,
        args: given,
        options: pipOptions({ bin_env: name, user: args.user, cwd: args.cwd, env_vars: args.env_vars }),
      };
      const hasPackages = goal.packages.length > 0 || requirements !== undefined;
      // In one that is made anew, what is installed now will not be there.
      const look = isThere && args.clear ? { ...goal, args: { ...given, ignore_installed: true } } : goal;
      const packages = hasPackages ? await packagesChange(ctx, look) : undefined;
      if (isThere && !args.clear) return packages === undefined ? inSync('virtualenv exists') : changesOf(packages);
      return changesOf(creation(ctx, name, args, isThere), packages ?? true);
    },
  }),
];

function creation(ctx: ModuleContext, name: string, args: VirtualenvArgs, isThere: boolean): Change {
  return {
    what: `virtualenv ${name}: ${isThere ? 'made anew' : 'made'}`,
    before: isThere ? name : null,
    after: name,
    verb: isThere ? 'change' : 'add',
    ...(isThere ? { changes: { cleared_packages: name } } : { changes: { new: name } }),
    async apply({ host }) {
      const parent = name.replace(/\/+[^/]*\/*$/, '');
      if (parent !== '') await makeDirectories(host, parent, { user: args.user });
      await createVirtualenv(host, name, args, ctx.signal);
      const { stdout, stderr } = await mustRun(host, [`${name}/bin/python`, '--version']);
      return { changes: { new: (stdout || stderr).trim() }, comment: 'Created new virtualenv' };
    },
  };
}
