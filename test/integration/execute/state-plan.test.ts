import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCatalog, HostRuntime, RuntimeExecutor, stateFunctions } from '@edge-run/shared/execute';
import type { FileSource } from '@edge-run/shared/files';
import { LocalHost } from '@edge-run/shared/host';
import { compiled, type JsonValue, Secret, silentLogger } from '@edge-run/shared/kernel';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { encodeValue, fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { movesOf, readHostPlan } from '@edge-run/shared/view';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryFiles } from '../../support/memory-files.ts';
import { renderData, renderText } from '../../support/render.ts';

const NONCE = '0123456789abcdef';
let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'edge-plan-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const sls = (): string => `
${dir}/app.conf:
  file.managed:
    - source: salt://app.conf
    - template: jinja
${dir}/app.key:
  file.managed:
    - contents_pillar: key
`;

interface World {
  files?: Record<string, string>;
  facts?: Record<string, unknown>;
  key?: string;
  /** Stands before the files. */
  around?: (files: FileSource) => FileSource;
  /** Lines behind the tree's own. */
  more?: string;
  /** Text of app.conf on the host. */
  conf?: string;
}

/** One host with a tree, a secret and a file; whatever `world` says differs. */
async function hostIn(world: World) {
  const host = new LocalHost({ id: 'web1' });
  await writeFile(join(dir, 'app.conf'), world.conf ?? 'port 1\n');
  await writeFile(join(dir, 'app.key'), 'hidden-before');
  const files = {
    'app.sls': sls() + (world.more ?? ''),
    'app.conf': 'port {{ pillar.port }}\n',
    ...world.files,
  };
  const pillar = new PyMap([
    ['port', 2],
    ['key', new Secret(world.key ?? 'hidden-wanted')],
  ]);
  const runtime = new HostRuntime(
    {
      host,
      catalog: createCatalog(),
      files: world.around?.(new MemoryFiles({ base: files })) ?? new MemoryFiles({ base: files }),
      renderData,
      renderText,
      facts: async () => fromPlain({ id: 'web1', os: 'Debian', ...world.facts }) as PyMap,
      pillar: async () => compiled(pillar),
      opts: new PyMap(),
      events: { send: async () => {} },
      mine: NO_MINE,
      log: silentLogger,
    },
    stateFunctions,
  );
  const executor = new RuntimeExecutor(runtime);
  const run = async (fun: string, kwargs: Record<string, Value> = {}) =>
    executor.execute(
      { jid: 'J1', fun, args: ['app'], kwargs: new Map(Object.entries({ nonce: NONCE, ...kwargs })) },
      { signal: new AbortController().signal, log: silentLogger },
    );
  const plan = async () => {
    const { ret } = await run('state.plan');
    const read = readHostPlan(encodeValue(ret));
    if (read === undefined) throw new Error(`no plan: ${JSON.stringify(toPlain(ret))}`);
    return read;
  };
  const apply = (digest: string) => run('state.apply_plan', { expected: new PyMap([['web1', digest]]) });
  const text = (path: string) => readFile(join(dir, path), 'utf8');
  return { plan, apply, text };
}

describe('state.plan', () => {
  it('shows the diff of a file, changes nothing, and never shows a secret', async () => {
    const { plan, text } = await hostIn({});
    const made = await plan();
    const shown = JSON.stringify(made);
    expect(shown).toContain('-port 1\\n+port 2');
    expect(shown).not.toMatch(/hidden-(before|wanted)/);
    expect(await text('app.conf')).toBe('port 1\n');
    expect(Object.keys(made.record.files)).toEqual(['base:app.conf', 'base:app.sls']);
  });
  it('answers the same digest as long as nothing moves', async () => {
    const first = await hostIn({});
    expect((await first.plan()).digest).toBe((await first.plan()).digest);
    expect((await (await hostIn({})).plan()).digest).toBe((await first.plan()).digest);
    const restarted = await hostIn({ facts: { pid: 4711 } });
    expect((await restarted.plan()).digest).toBe((await first.plan()).digest);
  });
  it.each<[string, World, RegExp]>([
    ['a fact', { facts: { os: 'Ubuntu' } }, /^fact os has changed$/],
    ['a new fact', { facts: { role: 'web' } }, /^fact role is new$/],
    ['a secret', { key: 'hidden-other' }, /^pillar key has changed$/],
    ['a source', { files: { 'app.conf': 'port {{ pillar.port }} # said\n' } }, /^file base:app.conf has changed$/],
    ['the tree', { more: 'x:\n  test.nop: []\n' }, /^state test.nop x is new$/],
    ['the host', { conf: 'port 0\n' }, /^host: file.managed .*app.conf would change something else now$/],
  ])('names what moved: %s', async (_what, world, named) => {
    const saved = await (await hostIn({})).plan();
    const fresh = await (await hostIn(world)).plan();
    expect(fresh.digest).not.toBe(saved.digest);
    expect(movesOf(saved.record, fresh.record)).toContainEqual(expect.stringMatching(named));
  });
});

describe('state.apply_plan', () => {
  it('applies what was planned', async () => {
    const { plan, apply, text } = await hostIn({});
    const end = await apply((await plan()).digest);
    expect(end.outcome).toBe('succeeded');
    expect(await text('app.conf')).toBe('port 2\n');
    expect(await text('app.key')).toContain('hidden-wanted');
  });
  it('refuses when anything moved, and touches nothing', async () => {
    const { digest } = await (await hostIn({})).plan();
    const moved = await hostIn({ conf: 'port 0\n' });
    const end = await moved.apply(digest);
    expect([end.outcome, end.error?.code]).toEqual(['failed', 'EDGE_PLAN_STALE']);
    expect(await moved.text('app.conf')).toBe('port 0\n');
    expect(await moved.text('app.key')).toBe('hidden-before');
  });
  it('never writes a file that changed after the look', async () => {
    let opened = 0;
    let looks = Number.POSITIVE_INFINITY;
    const flipping = (files: FileSource): FileSource => ({
      environments: () => files.environments(),
      list: (prefix, env) => files.list(prefix, env),
      open: async (uri, env) => {
        if (!uri.endsWith('app.conf')) return files.open(uri, env);
        opened += 1;
        return files.open(opened > looks ? 'salt://late.conf' : uri, env);
      },
    });
    const host = await hostIn({ files: { 'late.conf': 'port 3\n' }, around: flipping });
    const { digest } = await host.plan();
    looks = opened;
    opened = 0;
    const end = await host.apply(digest);
    expect(end.outcome).toBe('failed');
    expect(JSON.stringify(toPlain(end.ret))).toContain('base:app.conf changed while the plan was applied');
    expect(await host.text('app.conf')).toBe('port 1\n');
  });
  it('refuses on a host the plan does not have', async () => {
    const { apply } = await hostIn({});
    expect((await apply('sha256:of another host' satisfies JsonValue)).error?.code).toBe('EDGE_PLAN_STALE');
  });
});
