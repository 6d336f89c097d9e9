import { PyMap, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import type { MineService } from '../nodes/index.ts';
import { defineRunner, type Runner } from './contract.ts';

/** Runners that look into the mine. The master reads everything, whatever `allow_tgt` says. */
export function mineRunners(mine: MineService): readonly Runner[] {
  return [
    defineRunner({
      name: 'mine.get',
      summary: 'Answers what hosts published.',
      returns: 'Id → value; of several names, name → id → value.',
      args: z.object({
        tgt: z.union([z.string(), z.array(z.string())]).describe('Which hosts.'),
        fun: z.union([z.string(), z.array(z.string())]).describe('Name of what was published; several with commas.'),
        tgt_type: z.string().default('glob').describe('How `tgt` is read.'),
      }),
      examples: [{ title: 'addresses', args: { tgt: 'web*', fun: 'network.ip_addrs' } }],
      async run({ tgt, fun, tgt_type }) {
        const names = typeof fun === 'string' ? fun.split(',').map((name) => name.trim()) : fun;
        const read = (name: string): Promise<PyMap> =>
          mine.get(tgt, name, Array.isArray(tgt) ? 'list' : tgt_type, { pillars: 'all' });
        if (typeof fun === 'string' && names.length === 1) return read(names[0]!);
        const found = await Promise.all(names.map(async (name): Promise<[Value, PyMap]> => [name, await read(name)]));
        return new PyMap(found.filter(([, values]) => values.size > 0));
      },
    }),
  ];
}
