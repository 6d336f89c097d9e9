import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { mustRun, readEnvironment } from '../operations/index.ts';
import { npmCommand, npmExec, npmPackages } from '../providers/npm.ts';

const specArg = z.string().regex(/^[^-]/, 'a package does not begin with a dash');
const where = {
  dir: z.string().optional().describe('Directory of the project; the whole host where absent.'),
  runas: z.string().optional().describe('User to run npm as.'),
};
const envArg = anyValue().optional().describe('Mapping, or list of mappings, added to the environment.');

/** Packages of Node.js. */
export const npmFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'npm.install',
    summary: 'Install packages, or what package.json asks for.',
    args: z.object({
      pkg: specArg.optional().describe('Package, with @version where one is wanted.'),
      pkgs: z.array(specArg).optional().describe('Several packages.'),
      ...where,
      registry: z.string().optional().describe('Address of the registry.'),
      env: envArg,
      dry_run: z.boolean().default(false).describe('Only tell what would be done.'),
      silent: z.boolean().default(true).describe('Print nothing but errors.'),
    }),
    returns: 'What npm said, as data where it is JSON.',
    examples: [{ title: 'the dependencies of a project', args: { dir: '/srv/app' } }],
    async run({ pkg, pkgs, env, dry_run, silent, ...rest }, { host, signal }) {
      const options = { ...rest, env: readEnvironment(env) };
      const names = pkgs ?? (pkg === undefined ? [] : [pkg]);
      const command = npmCommand(
        [
          'install',
          '--json',
          '--no-audit',
          '--no-fund',
          ...(silent ? ['--silent'] : []),
          ...(dry_run ? ['--dry-run'] : []),
          ...names,
        ],
        options,
      );
      return readJson((await mustRun(host, command, npmExec(options, signal))).stdout);
    },
  }),
  defineWrite({
    name: 'npm.uninstall',
    summary: 'Remove a package.',
    args: z.object({ pkg: specArg.describe('Package.'), ...where, env: envArg }),
    returns: 'True.',
    examples: [],
    async run({ pkg, env, ...rest }, { host, signal }) {
      const options = { ...rest, env: readEnvironment(env) };
      await mustRun(host, npmCommand(['uninstall', '--silent', pkg], options), npmExec(options, signal));
      return true;
    },
  }),
  defineRead({
    name: 'npm.list',
    summary: 'Answer the installed packages.',
    args: z.object({ pkg: z.string().optional().describe('Only this one.'), ...where, env: envArg }),
    returns: 'A mapping of names to {version}.',
    examples: [],
    async run({ pkg, env, ...rest }, { host, signal }) {
      const installed = await npmPackages(host, { ...rest, env: readEnvironment(env) }, signal);
      return Object.fromEntries(
        [...installed]
          .filter(([name]) => pkg === undefined || name === pkg)
          .map(([name, version]) => [name, { version }]),
      );
    },
  }),
];

function readJson(stdout: string): unknown {
  try {
    return JSON.parse(stdout) as unknown;
  } catch {
    // With --silent older versions print text, or nothing.
    return stdout.trim();
  }
}
