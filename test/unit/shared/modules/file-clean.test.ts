import { createCatalog } from '@edge-run/shared/execute';
import type { RequiredState } from '@edge-run/shared/modules/contract';
import { PyMap, toPlain } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { moduleContext, runState } from '../../../support/module-context.ts';

const directory = createCatalog().states.get('file.directory')!;
const name = fc.constantFrom('a', 'b', 'keep.me');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

/** Files whose paths do not lead through one another. */
const trees = fc
  .uniqueArray(path, { maxLength: 12 })
  .map((paths) => paths.filter((one) => !paths.some((other) => other.startsWith(`${one}/`))));

describe('file.directory with clean, any tree', () => {
  it('removes exactly what nobody keeps, tells so before, touches nothing else, and is then in sync', async () => {
    await fc.assert(
      fc.asyncProperty(
        trees,
        trees,
        fc.array(path, { maxLength: 4 }),
        fc.boolean(),
        async (inside, outside, required, isExcluded) => {
          const host = new FakeHost().directory('/d').directory('/dd');
          for (const file of inside) host.file(`/d/${file}`, 'x');
          for (const file of outside) host.file(`/dd/${file}`, 'x');
          const states = required.map(
            (one): RequiredState => ({
              state: 'file',
              fun: 'managed',
              name: `/d/${one}`,
              env: 'base',
              args: new PyMap(),
            }),
          );
          const ctx = { ...moduleContext(host), required: states };
          const args = { name: '/d/', clean: true, ...(isExcluded ? { exclude_pat: '*keep.me' } : {}) };
          // A required path that is a directory keeps all of it; what is above a path stays, whatever it is.
          const stays = (file: string): boolean =>
            required.some((one) => `${file}/`.startsWith(`${one}/`) || one.startsWith(`${file}/`)) ||
            (isExcluded && file.endsWith('keep.me'));

          const planned = toPlain((await runState(directory, ctx, args, 'plan')).changes) as object;
          const done = await runState(directory, ctx, args);
          expect(done.result).toBe(true);
          const { removed = [] } = toPlain(done.changes) as { removed?: string[] };
          expect(Object.keys(planned).sort()).toEqual([...removed].sort());
          expect(removed.filter((one) => !one.startsWith('/d/'))).toEqual([]);
          for (const file of inside)
            expect([file, (await host.stat(`/d/${file}`)) !== undefined]).toEqual([file, stays(file)]);
          for (const file of outside) expect(await host.stat(`/dd/${file}`)).toBeDefined();
          expect((await runState(directory, ctx, args)).changes.size).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });
});
