import type { FileHandle } from '@edge-run/shared/files';
import { type CompilePillarOptions, compilePillar, PillarCache } from '@edge-run/shared/pillar';
import { fromPlain, PyMap, toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { MemoryFiles } from '../../../support/memory-files.ts';
import { renderData } from '../../../support/render.ts';

/** A tree that may be changed; it counts what is read. */
function world(files: Record<string, string>) {
  const tree = { ...files };
  const source = new MemoryFiles({ base: tree });
  const read: string[] = [];
  const watched = {
    environments: () => source.environments(),
    list: (prefix: string, env: string) => source.list(prefix, env),
    open: async (uri: string, env: string): Promise<FileHandle | undefined> => {
      const file = await source.open(uri, env);
      if (file === undefined) return undefined;
      const readIt = (): Promise<Uint8Array> => {
        read.push(file.path);
        return file.read();
      };
      return { ...file, read: readIt };
    },
  };
  const cache = new PillarCache();
  const calls: string[] = [];
  const compile = async (
    more: { id?: string; grains?: object } & Partial<Omit<CompilePillarOptions, 'grains'>> = {},
  ) => {
    const { id = 'web1', grains = { os: 'Debian', role: 'web' }, ...rest } = more;
    const { value, diagnostics } = await compilePillar({
      ...{ id, grains: fromPlain(grains) as PyMap, files: watched, render: renderData, opts: new PyMap(), cache },
      calls: {
        has: () => true,
        names: () => [],
        call: (name) => {
          calls.push(name);
          return name === 'grains.get' ? ((grains as { role?: string }).role ?? 'none') : calls.length;
        },
      },
      ...rest,
    });
    return value === undefined ? diagnostics.map(({ summary }) => summary) : toPlain(value);
  };
  return { tree, read, cache, calls, compile };
}

const TOP = "base:\n  '*': [a]\n  'role:web':\n    - match: grain\n    - web\n";
const TREE = { 'top.sls': TOP, 'a.sls': 'os: {{ grains.os }}\n', 'web.sls': 'web: 1\n' };

describe('PillarCache', () => {
  it('answers again without rendering while nothing has changed, and its answers are nobody else’s', async () => {
    const { read, cache, compile } = world(TREE);
    const first = await compile();
    expect(first).toEqual({ os: 'Debian', web: 1 });
    read.length = 0;
    expect(await compile()).toEqual(first);
    expect(read).toEqual([]);
    expect(cache.counts).toEqual({ hits: 1, misses: 1, entries: 1 });
  });

  it('sees a changed, a new and a removed file at the next question', async () => {
    const { tree, compile } = world({
      ...TREE,
      'a.sls': 'include: [b]\nos: {{ grains.os }}\n',
      'b/init.sls': 'b: 1\n',
    });
    expect(await compile()).toMatchObject({ b: 1 });
    tree['b/init.sls'] = 'b: 2\n';
    expect(await compile()).toMatchObject({ b: 2 });
    // `b.sls` wins over `b/init.sls`: that it was not there is part of what was looked at.
    tree['b.sls'] = 'b: 3\n';
    expect(await compile()).toMatchObject({ b: 3 });
    delete tree['b.sls'];
    expect(await compile()).toMatchObject({ b: 2 });
    tree['top.sls'] = "base: {'*': [web]}\n";
    expect(await compile()).toEqual({ web: 1 });
  });

  it('sees a file that comes to match a glob, and an imported one that changed', async () => {
    const { tree, compile } = world({
      'top.sls': "base: {'*': ['x.*']}\n",
      'x/one.sls': "{% import_yaml 'map.yaml' as map %}\none: {{ map.port }}\n",
      'map.yaml': 'port: 80\n',
    });
    expect(await compile()).toEqual({ one: 80 });
    tree['map.yaml'] = 'port: 81\n';
    expect(await compile()).toEqual({ one: 81 });
    tree['x/two.sls'] = 'two: 2\n';
    expect(await compile()).toEqual({ one: 81, two: 2 });
  });

  it('compiles anew for grains its templates or top file look at, and for no others', async () => {
    const { cache, compile } = world(TREE);
    await compile({ grains: { os: 'Debian', role: 'web', uptime: 1 } });
    await compile({ grains: { os: 'Debian', role: 'web', uptime: 2 } });
    expect(cache.counts.hits).toBe(1);
    expect(await compile({ grains: { os: 'Alpine', role: 'web' } })).toMatchObject({ os: 'Alpine' });
    expect(await compile({ grains: { os: 'Alpine', role: 'db' } })).toEqual({ os: 'Alpine' });
    expect(cache.counts).toMatchObject({ hits: 1, misses: 3 });
  });

  it('takes a template that goes through all grains, or asks functions for them, at its word', async () => {
    for (const text of ['n: {{ grains | length }}\n', "n: {{ salt['grains.get']('role') }}\n"]) {
      const { cache, compile } = world({ ...TREE, 'a.sls': text });
      await compile({ grains: { role: 'web', a: 1 } });
      await compile({ grains: { role: 'web', a: 1 } });
      await compile({ grains: { role: 'web', a: 2 } });
      expect(cache.counts).toMatchObject({ hits: 1, misses: 2 });
    }
  });

  it('never keeps what calls functions or gives something else each time', async () => {
    for (const text of [
      "n: {{ salt['cmd.run']('date') }}\n",
      'n: {{ [1, 2, 3] | random }}\n',
      "n: {{ None | strftime('%s') }}\n",
    ]) {
      const { cache, compile } = world({ ...TREE, 'a.sls': text });
      await compile();
      await compile();
      expect(cache.counts, text).toEqual({ hits: 0, misses: 2, entries: 0 });
    }
  });

  it('keeps hosts, environments and overrides apart', async () => {
    const { compile } = world({ ...TREE, 'a.sls': 'x: {{ pillar.x | default(0) }}\n' });
    expect(await compile()).toEqual({ x: 0, web: 1 });
    expect(await compile({ override: fromPlain({ x: 5 }) as PyMap })).toEqual({ x: 5, web: 1 });
    expect(await compile({ override: fromPlain({ x: 6 }) as PyMap })).toEqual({ x: 6, web: 1 });
    expect(await compile()).toEqual({ x: 0, web: 1 });
  });

  it('asks external sources each time', async () => {
    const { compile } = world(TREE);
    let asked = 0;
    const next = (): number => {
      asked += 1;
      return asked;
    };
    const external = [{ name: 'one', fetch: async () => ({ data: new PyMap([['asked', next()]]) }) }];
    expect(await compile({ external })).toMatchObject({ asked: 1, os: 'Debian' });
    expect(await compile({ external })).toMatchObject({ asked: 2, os: 'Debian' });
  });

  it('does not keep a failure', async () => {
    const { tree, compile, cache } = world({ ...TREE, 'a.sls': 'x: [\n' });
    expect(await compile()).toEqual([expect.any(String)]);
    tree['a.sls'] = 'x: 1\n';
    expect(await compile()).toEqual({ x: 1, web: 1 });
    expect(cache.counts.entries).toBe(1);
  });

  it('is bounded: the host that was asked for longest ago goes first', async () => {
    const { compile } = world(TREE);
    const cache = new PillarCache({ maxEntries: 2 });
    for (const id of ['one', 'two', 'one', 'three', 'one', 'two']) await compile({ id, cache });
    expect(cache.counts).toEqual({ hits: 2, misses: 4, entries: 2 });
  });
});
