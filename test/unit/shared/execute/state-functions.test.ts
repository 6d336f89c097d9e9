import { createCatalog, HostRuntime, RuntimeExecutor, stateFunctions } from '@edge-run/shared/execute';
import { compiled, notCompiled, silentLogger } from '@edge-run/shared/kernel';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { fromPlain, PyMap, toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { MemoryFiles, type MemoryTrees } from '../../../support/memory-files.ts';
import { renderData, renderText } from '../../../support/render.ts';

interface Sent {
  readonly tag: string;
  readonly data: unknown;
}

function hostWith(trees: MemoryTrees, opts: object = {}, pillar = async () => compiled(new PyMap())) {
  const sent: Sent[] = [];
  const runtime = new HostRuntime(
    {
      host: new FakeHost('web1'),
      catalog: createCatalog(),
      files: new MemoryFiles(trees),
      renderData,
      renderText,
      facts: async () => fromPlain({ id: 'web1' }) as PyMap,
      pillar,
      opts: fromPlain(opts) as PyMap,
      events: {
        async send(tag, data) {
          sent.push({ tag, data: toPlain(data) });
        },
      },
      mine: NO_MINE,
      log: silentLogger,
    },
    stateFunctions,
  );
  const executor = new RuntimeExecutor(runtime);
  const run = async (fun: string, ...args: string[]) => {
    const work = { signal: new AbortController().signal, log: silentLogger };
    const end = await executor.execute({ jid: 'J1', fun, args, kwargs: new Map() }, work);
    return { ...end, ret: toPlain(end.ret) };
  };
  return { run, sent };
}

describe('state functions', () => {
  it('fire_event: the tag holds the id of the job', async () => {
    const { run, sent } = hostWith({ base: { 'a.sls': 'x:\n  test.nop:\n    - fire_event: True\n' } });
    expect((await run('state.apply', 'a')).outcome).toBe('succeeded');
    expect(sent.map(({ tag }) => tag)).toEqual(['salt/state_result/J1/web1/x']);
  });
  it('nothing in the top file: showing it is empty, applying it fails and says so', async () => {
    const { run } = hostWith({ base: { 'top.sls': 'base:\n  db*: [a]\n', 'a.sls': 'x:\n  test.nop: []\n' } });
    expect((await run('state.show_highstate')).ret).toEqual({});
    expect((await run('state.show_lowstate')).ret).toEqual([]);
    const end = await run('state.highstate');
    expect(end.outcome).toBe('failed');
    expect(end.ret).toMatchObject({
      'no_|-states_|-states_|-None': { result: false, comment: expect.stringContaining('gives web1 any state') },
    });
  });
  it('state.sls_id: an id nobody has is an error that names it', async () => {
    const { run } = hostWith({ base: { 'a.sls': 'x:\n  test.nop: []\n' } });
    const end = await run('state.sls_id', 'y', 'a');
    expect(end.outcome).toBe('failed');
    expect(String(end.ret)).toContain("No matches for ID 'y'");
  });
  it('top files: default_top and env_order of the configuration count', async () => {
    const trees = {
      base: { 'top.sls': 'dev:\n  web*: [one]\n' },
      dev: { 'one.sls': '', 'two.sls': '' },
      qa: { 'top.sls': 'dev:\n  web*: [two]\n' },
    };
    const shown = async (opts: object): Promise<unknown> => (await hostWith(trees, opts).run('state.show_top')).ret;
    expect(await shown({ top_file_merging_strategy: 'same', default_top: 'qa' })).toEqual({ dev: ['two'] });
    expect(await shown({ top_file_merging_strategy: 'same' })).toEqual({ dev: ['one'] });
    expect(await shown({ top_file_merging_strategy: 'merge_all' })).toEqual({ dev: ['one', 'two'] });
    expect(await shown({ top_file_merging_strategy: 'merge_all', env_order: ['qa', 'base'] })).toEqual({
      dev: ['two', 'one'],
    });
  });
});

describe('saltutil.refresh_pillar', () => {
  it('jobs see the pillar as it was compiled until it is asked for anew; one that does not compile fails the job', async () => {
    let value: string | undefined = 'old';
    const { run } = hostWith({ base: {} }, {}, async () =>
      value === undefined
        ? notCompiled([{ severity: 'error', code: 'EDGE_CONFIG_INVALID', summary: 'it is broken', detail: '' }])
        : compiled(fromPlain({ value }) as PyMap),
    );
    expect((await run('pillar.get', 'value')).ret).toBe('old');
    value = 'new';
    expect((await run('pillar.get', 'value')).ret).toBe('old');
    expect((await run('saltutil.refresh_pillar')).ret).toBe(true);
    expect((await run('pillar.get', 'value')).ret).toBe('new');
    value = undefined;
    expect(await run('saltutil.refresh_pillar')).toMatchObject({
      outcome: 'failed',
      ret: expect.stringContaining('it is broken'),
    });
    expect((await run('saltutil.refresh_grains')).ret).toBe(true);
    value = 'again';
    expect((await run('pillar.get', 'value')).ret).toBe('again');
  });
});
