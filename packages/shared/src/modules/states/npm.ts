import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { mustRun, readEnvironment } from '../operations/index.ts';
import { npmCommand, npmExec, npmPackages, splitSpec } from '../providers/npm.ts';

const specArg = z.string().regex(/^[^-]/, 'a package does not begin with a dash');
const shared = {
  user: z.string().optional().describe('User to run npm as.'),
  registry: z.string().optional().describe('Address of the registry.'),
  env: anyValue().optional().describe('Mapping, or list of mappings, added to the environment.'),
};

/** Packages of Node.js as they should be. */
export const npmStates: readonly StateModule[] = [
  defineState({
    name: 'npm.installed',
    summary: 'Ensure packages of Node.js are installed.',
    effect: 'repair',
    needs: ['npm'],
    args: z.object({
      name: specArg.describe('Package, with @version where one is wanted.'),
      pkgs: z.array(specArg).optional().describe('Several packages instead.'),
      dir: z.string().optional().describe('Directory of the project; the whole host where absent.'),
      force_reinstall: z.boolean().default(false).describe('Install although it is there.'),
      ...shared,
    }),
    examples: [{ title: 'a tool for the whole host', args: { name: 'pm2@5.4.0' } }],
    async check({ name, pkgs, dir, user, registry, env }, { host, signal }) {
      const options = { dir, runas: user, registry, env: readEnvironment(env) };
      const installed = await npmPackages(host, options, signal);
      const missing = (pkgs ?? [name]).filter((spec) => {
        const { name: wanted, version } = splitSpec(spec);
        const now = installed.get(wanted);
        return now === undefined || (version !== undefined && /^\d+\.\d+\.\d+/.test(version) && now !== version);
      });
      if (missing.length === 0) return inSync('All packages are already installed');
      return changesOf({
        what: `npm: ${missing.join(', ')} installed`,
        before: missing.map((spec) => installed.get(splitSpec(spec).name) ?? null),
        after: missing,
        verb: missing.some((spec) => installed.has(splitSpec(spec).name)) ? 'change' : 'add',
        changes: { new: missing, old: [] },
        async apply({ host: writer }) {
          await mustRun(
            writer,
            npmCommand(['install', '--silent', '--no-audit', '--no-fund', ...missing], options),
            npmExec(options, signal),
          );
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'npm.removed',
    summary: 'Ensure a package of Node.js is not installed.',
    effect: 'repair',
    needs: ['npm'],
    args: z.object({
      name: specArg.describe('Package.'),
      dir: z.string().optional().describe('Directory of the project; the whole host where absent.'),
      user: shared.user,
    }),
    examples: [],
    async check({ name, dir, user }, { host, signal }) {
      const options = { dir, runas: user, env: {} };
      if (!(await npmPackages(host, options, signal)).has(name)) return inSync(`Package "${name}" is not installed`);
      return changesOf({
        what: `npm: ${name} removed`,
        before: name,
        after: null,
        changes: { [name]: 'Removed' },
        async apply({ host: writer }) {
          await mustRun(writer, npmCommand(['uninstall', '--silent', name], options), npmExec(options, signal));
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'npm.bootstrap',
    summary: 'Ensure everything package.json of a directory asks for is installed.',
    effect: 'repair',
    needs: ['npm'],
    args: z.object({
      name: z.string().startsWith('/').describe('Directory of the project.'),
      silent: z.boolean().default(true).describe('Print nothing but errors.'),
      ...shared,
    }),
    examples: [{ title: 'after git.latest', args: { name: '/srv/app', user: 'app' } }],
    async check({ name, user, registry, env }, { host, signal }) {
      if ((await host.stat(`${name}/package.json`)) === undefined) return refused(`${name} has no package.json`);
      const options = { dir: name, runas: user, registry, env: readEnvironment(env) };
      // It ends with 0 exactly when every dependency is there in a version package.json accepts.
      if (
        (await host.probe(npmCommand(['list', '--depth=0', '--silent'], options), npmExec(options, signal)))
          .exitCode === 0
      )
        return inSync('Directory is already bootstrapped');
      return changesOf({
        what: `npm: dependencies of ${name} installed`,
        before: 'incomplete',
        after: 'installed',
        changes: { [name]: 'Bootstrapped' },
        async apply({ host: writer }) {
          await mustRun(
            writer,
            npmCommand(['install', '--silent', '--no-audit', '--no-fund'], options),
            npmExec(options, signal),
          );
          return undefined;
        },
      });
    },
  }),
];
