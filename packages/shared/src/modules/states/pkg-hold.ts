import { z } from 'zod';
import { type Change, changesOf, defineState, type StateModule } from '../contract/index.ts';
import { packageRequests } from '../execution/pkg.ts';
import { packageProvider } from '../providers/pkg/index.ts';
import { packageArgs } from './pkg-arguments.ts';

/** Packages that are kept as they are, or not. */
export const pkgHoldStates: readonly StateModule[] = [
  defineState({
    name: 'pkg.held',
    summary: 'Ensure packages are kept as they are.',
    effect: 'repair',
    args: z.object({
      ...packageArgs,
      version: z.string().optional().describe('Accepted for Salt trees; the version that is installed is kept.'),
      replace: z.boolean().default(false).describe('Keep only these as they are, and no others.'),
    }),
    examples: [],
    async check({ name, pkgs, replace }, { host }) {
      const names = packageRequests(name, pkgs).map((request) => request.name);
      const held = await (await packageProvider(host)).held(host);
      const others = replace ? [...held].filter((other) => !names.includes(other)) : [];
      return changesOf(holdChange(names, held, true), holdChange(others, held, false));
    },
  }),
  defineState({
    name: 'pkg.unheld',
    summary: 'Ensure packages may be changed.',
    effect: 'repair',
    args: z.object({
      ...packageArgs,
      version: z.string().optional().describe('Accepted for Salt trees; a package is known by its name.'),
      all: z.boolean().default(false).describe('All packages that are kept as they are.'),
    }),
    examples: [],
    async check({ name, pkgs, all }, { host }) {
      const held = await (await packageProvider(host)).held(host);
      const names = all ? [...held] : packageRequests(name, pkgs).map((request) => request.name);
      return changesOf(holdChange(names, held, false));
    },
  }),
];

/** What has to be done for packages to be kept as they are, or not; true when nothing. */
export function holdChange(names: readonly string[], held: ReadonlySet<string>, wanted: boolean): Change | true {
  const others = names.filter((name) => held.has(name) !== wanted);
  if (others.length === 0) return true;
  return {
    what: `packages ${wanted ? 'held' : 'not held'}: ${others.join(', ')}`,
    before: !wanted,
    after: wanted,
    changes: Object.fromEntries(others.map((name) => [name, { hold: wanted }])),
    async apply({ host }) {
      await (await packageProvider(host)).setHeld(host, others, wanted);
      return undefined;
    },
  };
}
