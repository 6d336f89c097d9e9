import { createCatalog } from '@edge-run/shared/execute';
import { defineRead } from '@edge-run/shared/modules/contract';
import { didYouMean } from '@edge-run/shared/schema';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext } from '../../../support/module-context.ts';

const catalog = createCatalog();
const everything = [...catalog.functions.values(), ...catalog.states.values()];

describe('catalog', () => {
  it('has every module under its own name', () => {
    expect(catalog.functions.size).toBeGreaterThan(150);
    expect(catalog.states.size).toBeGreaterThan(40);
    for (const [name, module] of [...catalog.functions, ...catalog.states]) expect(module.name).toBe(name);
  });
  it('describes every argument, and every module in one sentence', () => {
    const silent = everything.flatMap(({ name, args }) =>
      Object.entries(args.shape).flatMap(([key, schema]) =>
        (schema as z.ZodType).meta()?.description ? [] : [`${name} ${key}`],
      ),
    );
    expect(silent).toEqual([]);
    expect(
      everything.filter(({ summary }) => !/^[A-Z][^.]*(\.\w[^.]*)*\.$/.test(summary)).map(({ name }) => name),
    ).toEqual([]);
  });
  it('shows examples that its own schema accepts', () => {
    const wrong = everything.flatMap((module) =>
      module.examples.flatMap((example) => (module.args.safeParse(example.args).success ? [] : [module.name])),
    );
    expect(wrong).toEqual([]);
  });
  it('refuses two modules of one name', () => {
    const ping = defineRead({
      name: 'test.ping',
      summary: 'x',
      args: z.object({}),
      returns: '',
      examples: [],
      run: () => Promise.resolve(1),
    });
    expect(() => createCatalog({ functions: [ping] })).toThrow(
      expect.objectContaining({ code: 'EDGE_DUPLICATE_MODULE' }),
    );
  });
  it('answers what there is: sys.list_functions, sys.argspec, sys.doc', async () => {
    const ctx = moduleContext(new FakeHost());
    const sys = async (name: string, ...args: string[]) =>
      (await callFunction(catalog.functions.get(`sys.${name}`)!, ctx, args)).answer;
    expect(await sys('list_functions', 'service')).toContain('service.restart');
    expect(await sys('argspec', 'file.search')).toMatchObject({
      'file.search': { args: ['path', 'pattern', 'flags', 'bufsize', 'ignore_if_missing', 'multiline'] },
    });
    expect(await sys('doc', 'test.ping')).toEqual({ 'test.ping': 'Answer true, to see that the target is there.' });
    expect(didYouMean('file.mangaed', catalog.states.keys())).toContain('file.managed');
  });
});
