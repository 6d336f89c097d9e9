import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import {
  availableModules,
  dropFromBoot,
  isLoaded,
  keepForBoot,
  loadedModules,
  loadModule,
  moduleName,
  parseKept,
  readKeptFile,
  unloadModule,
} from '../providers/kmod/index.ts';

/** Name of a module of the kernel. */
export const modArg = z
  .string()
  .regex(/^\w[\w-]*$/, 'is not the name of a module of the kernel')
  .describe('Name of the module: `br_netfilter`.');

/** Whether a line that goes stays as a comment. */
export const commentOutArg = z
  .boolean()
  .default(true)
  .describe('With `persist`: comment the line out instead of removing it.');

/** Modules of the kernel. */
export const kmodFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'kmod.available',
    summary: 'Answer the modules that could be loaded, and those that are part of the kernel.',
    args: z.object({}),
    returns: 'A list of names.',
    examples: [],
    run: (_, { host }) => availableModules(host),
  }),
  defineRead({
    name: 'kmod.check_available',
    summary: 'Answer whether a module could be loaded.',
    args: z.object({ mod: modArg }),
    returns: 'True or false.',
    examples: [],
    run: async ({ mod }, { host }) => (await availableModules(host)).includes(moduleName(mod)),
  }),
  defineRead({
    name: 'kmod.lsmod',
    summary: 'Answer the modules that are loaded, with their size and what needs them.',
    args: z.object({}),
    returns: 'A list of mappings: `module`, `size`, `depcount`, `deps`.',
    examples: [],
    run: async (_, { host }) =>
      (await loadedModules(host)).map(({ module, sizeBytes, uses, users }) => ({
        ...{ size: String(sizeBytes), module, depcount: String(uses), deps: users },
      })),
  }),
  defineRead({
    name: 'kmod.mod_list',
    summary: 'Answer the names of the modules that are loaded, or of those that are loaded at boot.',
    args: z.object({ only_persist: z.boolean().default(false).describe('Those that are loaded at boot.') }),
    returns: 'A list of names.',
    examples: [],
    async run({ only_persist: onlyPersist }, { host }) {
      if (onlyPersist) return [...parseKept((await readKeptFile(host)).text)].sort();
      return (await loadedModules(host)).map(({ module }) => module).sort();
    },
  }),
  defineRead({
    name: 'kmod.is_loaded',
    summary: 'Answer whether a module is loaded, or part of the kernel.',
    args: z.object({ mod: modArg }),
    returns: 'True or false.',
    examples: [{ title: 'bridges are filtered', args: { mod: 'br_netfilter' } }],
    run: ({ mod }, { host }) => isLoaded(host, mod),
  }),
  defineWrite({
    name: 'kmod.load',
    summary: 'Load a module with those it needs.',
    args: z.object({ mod: modArg, persist: z.boolean().default(false).describe('At boot too.') }),
    returns: 'A list of the modules that were loaded, or written down for boot.',
    examples: [{ title: 'now and at boot', args: { mod: 'br_netfilter', persist: true } }],
    async run({ mod, persist }, { host }) {
      const before = await names(host);
      await loadModule(host, mod);
      const came = [...(await names(host))].filter((name) => !before.has(name));
      if (persist && (await keepForBoot(host, mod))) came.push(mod);
      return [...new Set(came)].sort();
    },
  }),
  defineWrite({
    name: 'kmod.remove',
    summary: 'Unload a module with those that only it needed.',
    args: z.object({
      mod: modArg,
      persist: z.boolean().default(false).describe('Have it no longer loaded at boot.'),
      comment: commentOutArg,
    }),
    returns: 'A list of the modules that went, or are no longer loaded at boot.',
    examples: [{ title: 'no beeps', args: { mod: 'pcspkr' } }],
    async run({ mod, persist, comment }, { host }) {
      const before = await names(host);
      await unloadModule(host, mod);
      const after = await names(host);
      const gone = [...before].filter((name) => !after.has(name));
      if (persist && (await dropFromBoot(host, mod, { comment }))) gone.push(mod);
      return [...new Set(gone)].sort();
    },
  }),
];

async function names(host: HostReader): Promise<ReadonlySet<string>> {
  return new Set((await loadedModules(host)).map(({ module }) => module));
}
