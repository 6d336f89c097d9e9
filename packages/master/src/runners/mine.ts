import { mineRunnerDeclarations } from '@edge-run/shared/protocol';
import { PyMap, type Value } from '@edge-run/shared/values';
import type { MineService } from '../nodes/index.ts';
import { defineRunner, LOOKS, type Runner } from './contract.ts';

/** Runners that look into the mine. The master reads everything, whatever `allow_tgt` says. */
export function mineRunners(mine: MineService): readonly Runner[] {
  return [
    defineRunner({
      ...mineRunnerDeclarations['mine.get'],
      plan: LOOKS,
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
