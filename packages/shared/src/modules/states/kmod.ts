import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { type Change, changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { commentOutArg, modArg } from '../execution/kmod.ts';
import {
  availableModules,
  builtinModules,
  dropFromBoot,
  dropModule,
  keepForBoot,
  keepModule,
  loadedModules,
  loadModule,
  moduleName,
  readKeptFile,
  unloadModule,
} from '../providers/kmod/index.ts';
import { unifiedDiff } from '../text/index.ts';

const needs = ['modprobe'];
const args = {
  name: z.string().describe('Name of the module; of the state, with `mods`.'),
  persist: z.boolean().default(false).describe('At boot too.'),
  mods: z.array(modArg).min(1).optional().describe('Several modules.'),
};

/** Modules of the kernel as they should be. */
export const kmodStates: readonly StateModule[] = [
  defineState({
    name: 'kmod.present',
    summary: 'Ensure modules of the kernel are loaded.',
    effect: 'repair',
    needs,
    args: z.object(args),
    examples: [
      { title: 'now and at boot', args: { name: 'br_netfilter', persist: true } },
      { title: 'several', args: { name: 'for containers', mods: ['overlay', 'br_netfilter'], persist: true } },
    ],
    async check({ name, persist, mods }, { host }) {
      const wanted = wantedModules(name, mods);
      const here = new Set([
        ...(await loadedModules(host)).map(({ module }) => module),
        ...(await builtinModules(host)),
      ]);
      const missing = wanted.filter((mod) => !here.has(moduleName(mod)));
      if (missing.length > 0) {
        const available = await availableModules(host);
        const unknown = missing.filter((mod) => !available.includes(moduleName(mod)));
        if (unknown.length > 0)
          return refused(`${list(unknown)} unavailable: the kernel of ${host.id} has no such module to load`);
      }
      const { path, text } = await readKeptFile(host);
      let kept = text;
      const changes = wanted.map((mod): Change | true => {
        const isMissing = missing.includes(mod);
        const before = kept;
        if (persist) kept = keepModule(kept, mod);
        if (!isMissing && kept === before) return true;
        return {
          what: `kernel module ${mod}: ${[isMissing ? 'loaded' : '', kept === before ? '' : `kept in ${path}`].filter(Boolean).join(' and ')}`,
          before: null,
          after: mod,
          changes: { [mod]: 'loaded' },
          ...(kept === before ? {} : { diff: unifiedDiff(before, kept) }),
          async apply({ host: writer }) {
            if (isMissing) await loadModule(writer, mod);
            if (persist) await keepForBoot(writer, mod);
            return undefined;
          },
        };
      });
      const verdict = changesOf(...changes);
      return verdict.kind === 'in-sync' ? inSync(`${list(wanted)} already present`) : verdict;
    },
  }),
  defineState({
    name: 'kmod.absent',
    summary: 'Ensure modules of the kernel are not loaded.',
    effect: 'repair',
    needs,
    args: z.object({
      name: args.name,
      persist: args.persist.describe('Have them no longer loaded at boot.'),
      comment: commentOutArg,
      mods: args.mods,
    }),
    examples: [{ title: 'no beeps', args: { name: 'pcspkr' } }],
    async check({ name, persist, comment, mods }, { host }) {
      const unwanted = wantedModules(name, mods);
      const builtin = await builtinModules(host);
      const fixed = unwanted.filter((mod) => builtin.includes(moduleName(mod)));
      if (fixed.length > 0) return refused(`${list(fixed)} part of the kernel of ${host.id} and cannot be unloaded`);
      const loaded = new Set((await loadedModules(host)).map(({ module }) => module));
      const { path, text } = await readKeptFile(host);
      let kept = text;
      const changes = unwanted.map((mod): Change | true => {
        const isLoaded = loaded.has(moduleName(mod));
        const before = kept;
        if (persist) kept = dropModule(kept, mod, { comment });
        if (!isLoaded && kept === before) return true;
        return {
          what: `kernel module ${mod}: ${[isLoaded ? 'unloaded' : '', kept === before ? '' : `dropped from ${path}`].filter(Boolean).join(' and ')}`,
          before: mod,
          after: null,
          changes: { [mod]: 'removed' },
          ...(kept === before ? {} : { diff: unifiedDiff(before, kept) }),
          async apply({ host: writer }) {
            // One that was unloaded before may have been the only one that needed it.
            if (isLoaded && (await isThere(writer, mod))) await unloadModule(writer, mod);
            if (persist) await dropFromBoot(writer, mod, { comment });
            return undefined;
          },
        };
      });
      const verdict = changesOf(...changes);
      return verdict.kind === 'in-sync' ? inSync(`${list(unwanted)} already removed`) : verdict;
    },
  }),
];

function wantedModules(name: string, mods: readonly string[] | undefined): readonly string[] {
  if (mods !== undefined) return mods;
  const module = modArg.safeParse(name);
  if (module.success) return [module.data];
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${name} is not the name of a module of the kernel`,
    { name },
    { hint: 'Name the modules in `mods` where `name` is that of the state.' },
  );
}

function list(mods: readonly string[]): string {
  return mods.length === 1 ? `Kernel module ${mods[0]} is` : `Kernel modules ${mods.join(', ')} are`;
}

async function isThere(host: Host, mod: string): Promise<boolean> {
  return (await loadedModules(host)).some(({ module }) => module === moduleName(mod));
}
