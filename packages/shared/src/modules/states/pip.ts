import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  type StateModule,
} from '../contract/index.ts';
import { packagesArg, pipInstallArgs, pipOptions, pipWhere } from '../execution/pip-arguments.ts';
import { installWithPip, lookForPackages, type PipGoal, requirementsOf, requirePip } from '../execution/pip-goal.ts';
import { mustProbe, mustRun } from '../operations/index.ts';
import { NO_PIP, parsePipList, parseRequirement, pipExec, pipPackages } from '../providers/pip/index.ts';

const requirementsArg = z.string().optional().describe('File of requirements: `salt://` path, or path on the host.');

/** Packages of Python as they should be. */
export const pipStates: readonly StateModule[] = [
  defineState({
    name: 'pip.installed',
    summary: 'Ensure packages of Python are installed, in given versions where asked.',
    effect: 'action',
    args: z.object({
      name: z.string().describe('Package (`flask`, `flask>=3,<4`), unless pkgs or requirements is given.'),
      pkgs: packagesArg.optional().describe('Several packages instead; a list, or with commas.'),
      requirements: requirementsArg,
      ...pipWhere,
      ...pipInstallArgs,
    }),
    examples: [
      { title: 'into a virtualenv', args: { name: 'flask>=3,<4', bin_env: '/srv/app/venv' } },
      {
        title: 'from a file',
        args: { name: 'app', requirements: 'salt://app/requirements.txt', bin_env: '/srv/app/venv' },
      },
    ],
    async check({ name, pkgs, requirements, bin_env, user, cwd, env_vars, use_vt: _, ...args }, ctx) {
      const isNamed = pkgs === undefined && requirements === undefined && args.editable === undefined;
      const packages = pkgs ?? (isNamed ? [name] : []);
      const goal = { packages, requirements, args, options: pipOptions({ bin_env, user, cwd, env_vars }) };
      const change = await packagesChange(ctx, goal);
      if (change !== undefined) return changesOf(change);
      if (requirements !== undefined) return inSync('Requirements were already installed.');
      return inSync(
        isNamed ? `Python package ${name} was already installed` : 'All specified packages are already installed',
      );
    },
  }),
  defineState({
    name: 'pip.removed',
    summary: 'Ensure packages of Python are not installed.',
    effect: 'repair',
    args: z.object({
      name: z.string().describe('Package, unless requirements is given.'),
      requirements: requirementsArg,
      ...pipWhere,
    }),
    examples: [],
    async check({ name, requirements, ...where }, ctx) {
      const options = pipOptions(where);
      const installed = await pipPackages(ctx.host, options, ctx.signal);
      const wanted = requirements === undefined ? [parseRequirement(name)] : await requirementsOf(ctx, requirements, 0);
      const there = wanted.flatMap((one) => (one?.name !== undefined && installed.has(one.name) ? [one.name] : []));
      if (there.length === 0) return inSync('Package is not installed.');
      return changesOf({
        what: `pip: ${there.join(', ')} removed`,
        before: there,
        after: null,
        changes: Object.fromEntries(there.map((one) => [one, 'Removed'])),
        async apply(writer) {
          const pip = await requirePip(writer, options);
          await mustRun(writer.host, [...pip, 'uninstall', '--yes', ...there], pipExec(options, writer.signal), NO_PIP);
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'pip.uptodate',
    summary: 'Upgrade all packages of Python of which the index has newer versions.',
    effect: 'action',
    args: z.object({ name: z.string().describe('Any words.'), ...pipWhere }),
    examples: [],
    async check({ name: _, ...where }, ctx) {
      const options = pipOptions(where);
      const pip = await requirePip(ctx, options);
      const exec = pipExec(options, ctx.signal);
      const { stdout } = await mustProbe(ctx.host, [...pip, 'list', '--outdated', '--format=json'], exec, NO_PIP);
      const behind = parsePipList(stdout);
      if (behind.length === 0) return inSync('System is already up-to-date.');
      return changesOf({
        what: `pip: ${behind.map((one) => one.name).join(', ')} upgraded`,
        before: behind.map(({ version }) => version),
        after: behind.map(({ latest_version }) => latest_version ?? ''),
        changes: Object.fromEntries(
          behind.map((one) => [one.name, { old: one.version, new: one.latest_version ?? '' }]),
        ),
        async apply({ host, signal }) {
          const before = await pipPackages(host, options, signal);
          await mustRun(host, [...pip, 'install', '--upgrade', ...behind.map((one) => one.name)], exec, NO_PIP);
          const after = await pipPackages(host, options, signal);
          const moved = [...after].filter(([name, version]) => before.get(name) !== version);
          return {
            changes: Object.fromEntries(
              moved.map(([name, version]) => [name, { old: before.get(name) ?? '', new: version }]),
            ),
          };
        },
      });
    },
  }),
];

/** What pip has to do, and then finds done; undefined where nothing. */
export async function packagesChange(ctx: ModuleContext, goal: PipGoal): Promise<Change | undefined> {
  const { missing, installed } = await lookForPackages(ctx, goal);
  if (missing.length === 0) return undefined;
  const versions = missing.map((text) => installed.get(parseRequirement(text)?.name ?? '') ?? null);
  return {
    what: `pip: ${missing.join(', ')} installed`,
    before: versions,
    after: missing,
    verb: versions.every((version) => version === null) ? 'add' : 'change',
    changes: Object.fromEntries(missing.map((one) => [one, 'Installed'])),
    apply: (writer) => installAndLook(writer, goal),
  };
}

/** What is always installed anew cannot be looked at again by the runner; so it is looked at here, without that. */
async function installAndLook(
  writer: ModuleContext<Host>,
  goal: PipGoal,
): Promise<Awaited<ReturnType<Change['apply']>>> {
  // An earlier change may have made the virtualenv, with packages of its own.
  const before = await pipPackages(writer.host, goal.options, writer.signal);
  await installWithPip(writer, goal);
  const isAnew = goal.args.force_reinstall || goal.args.ignore_installed;
  const args = { ...goal.args, force_reinstall: false, ignore_installed: false };
  const { missing, installed } = await lookForPackages(writer, { ...goal, args });
  if (missing.length > 0)
    return { result: false, comment: `pip ended well, and there is still to install: ${missing.join(', ')}` };
  const changed = [...installed].filter(([name, version]) => isAnew || before.get(name) !== version);
  const named = goal.packages.flatMap((text) => parseRequirement(text)?.name ?? []);
  const shown = isAnew
    ? changed.filter(([name, version]) => named.includes(name) || before.get(name) !== version)
    : changed;
  return {
    changes: Object.fromEntries(shown.map(([name, version]) => [`${name}==${version}`, 'Installed'])),
    comment: 'All packages were successfully installed',
  };
}
