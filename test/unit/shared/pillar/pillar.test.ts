import { compiled, Secret } from '@edge-run/shared/kernel';
import {
  type CompilePillarOptions,
  compilePillar,
  defaultPillarSettings,
  explainPillar,
  judgeOrigins,
  type MergeStrategy,
  mergePillars,
  pillarGet,
  pillarSettings,
} from '@edge-run/shared/pillar';
import { createRenderData, type RenderText } from '@edge-run/shared/render';
import { fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { MemoryFiles, type MemoryTrees } from '../../../support/memory-files.ts';

/** Replaces `{{ name }}` by a variable or a key of the pillar: enough to see what templates are given. */
const renderText: RenderText = async ({ text, path, variables, pillar }) => {
  const filled = text.replace(/\{\{ (\w+) \}\}/g, (_, name: string) =>
    String(variables?.get(name) ?? pillar.get(name) ?? 'none'),
  );
  return compiled({ text: filled, origin: (line) => ({ file: path, line }) });
};

const map = (plain: object): PyMap => fromPlain(plain) as PyMap;

function compile(trees: MemoryTrees, more: Partial<CompilePillarOptions> = {}): ReturnType<typeof compilePillar> {
  return compilePillar({
    id: 'web1',
    grains: map({ os: 'Debian' }),
    files: new MemoryFiles(trees),
    render: createRenderData(renderText),
    calls: { has: () => false, names: () => [], call: () => null },
    opts: new PyMap(),
    ...more,
  });
}

const plain = (value: Value | undefined): unknown => (value === undefined ? undefined : toPlain(value));

describe('compilePillar', () => {
  const files = {
    'top.sls': "base:\n  '*': [a, web]\n",
    'a.sls': 'port: 80\nhosts: [a]\n',
    'web/init.sls': 'include:\n  - .tls:\n      key: conf:tls\n      defaults: {who: bob}\nport: 81\n',
    'web/tls.sls': 'owner: {{ who }}\n',
  };

  it('merges what the top file gives, includes under their key', async () => {
    const { value, diagnostics } = await compile({ base: files });
    expect(diagnostics).toEqual([]);
    expect(plain(value)).toEqual({ port: 81, hosts: ['a'], conf: { tls: { owner: 'bob' } } });
  });

  it('keeps a secret a secret when the command line gives another', async () => {
    const external = [
      {
        name: 'vault',
        fetch: async () => ({ data: map({ db: { key: new Secret('a'), user: 'app' }, pin: new Secret('1') }) }),
      },
    ];
    const override = map({ db: { key: 'mine', user: 'me' }, pin: 2 });
    const { value } = await compile({ base: files }, { external, override });
    expect(pillarGet(value!, 'db:key')).toEqual(new Secret('mine'));
    expect((pillarGet(value!, 'db:key') as Secret).reveal()).toBe('mine');
    expect((pillarGet(value!, 'pin') as Secret).reveal()).toBe('2');
    expect(pillarGet(value!, 'db:user')).toBe('me');
  });

  it('explains every value by the files that gave it, in order', async () => {
    const { layers } = await compile({ base: files }, { override: map({ port: 9 }) });
    expect(explainPillar(layers, 'port')).toEqual([
      {
        source: 'base: a.sls',
        environment: 'base',
        value: 80,
        place: expect.objectContaining({ file: 'a.sls', line: 1 }),
      },
      {
        source: 'base: web/init.sls',
        environment: 'base',
        value: 81,
        place: expect.objectContaining({ file: 'web/init.sls', line: 5 }),
      },
      { source: 'command line', value: 9 },
    ]);
    expect(explainPillar(layers, 'conf:tls:owner')).toMatchObject([{ source: 'base: web/tls.sls', value: 'bob' }]);
    expect(explainPillar(layers, 'hosts:0')).toMatchObject([{ source: 'base: a.sls', place: { line: 2 } }]);
    expect(plain(explainPillar(layers, 'conf')[0]!.value)).toEqual({ tls: { owner: 'bob' } });
    expect(explainPillar(layers, 'nope')).toEqual([]);
  });

  it('says of each contribution what became of it, as the strategy has it', async () => {
    const trees = {
      base: {
        'top.sls': "base: {'*': [a, b]}\n",
        'a.sls': 'map: {a: 1, both: 1}\nlist: [1]\nscalar: 1\nsame: x\n',
        'b.sls': 'map: {b: 2, both: 2}\nlist: [2]\nscalar: 2\nsame: x\n',
      },
    };
    const effects = async (settings: Partial<typeof defaultPillarSettings>, path: string): Promise<unknown> => {
      const { value, layers } = await compile(trees, { settings: { ...defaultPillarSettings, ...settings } });
      return judgeOrigins(explainPillar(layers, path), pillarGet(value!, path, 'gone') as Value | undefined);
    };
    expect(await effects({}, 'map')).toEqual(['adds', 'wins']);
    expect(await effects({}, 'map:both')).toEqual(['overridden', 'wins']);
    expect(await effects({}, 'map:a')).toEqual(['wins']);
    expect(await effects({}, 'list')).toEqual(['overridden', 'wins']);
    expect(await effects({ mergeLists: true }, 'list')).toEqual(['adds', 'wins']);
    expect(await effects({}, 'scalar')).toEqual(['overridden', 'wins']);
    expect(await effects({}, 'same')).toEqual(['overridden', 'wins']);
    expect(await effects({ strategy: 'list' }, 'scalar')).toEqual(['adds', 'wins']);
    const { value, layers } = await compile(trees, { settings: { ...defaultPillarSettings, strategy: 'overwrite' } });
    expect(plain(value!.get('map'))).toEqual({ b: 2, both: 2 });
    expect(judgeOrigins(explainPillar(layers, 'map:a'), undefined)).toEqual(['overridden']);
  });

  it('does not let a change of the answer reach its layers', async () => {
    const { value, layers } = await compile({ base: files });
    (value!.get('hosts') as Value[]).push('b');
    expect(explainPillar(layers, 'hosts')[0]!.value).toEqual(['a']);
  });

  it('shows the override to templates, and lets it win', async () => {
    const trees = { base: { 'top.sls': "base: {'*': [a]}\n", 'a.sls': 'seen: {{ x }}\nx: file\n' } };
    const { value } = await compile(trees, { override: map({ x: 'cli' }) });
    expect(plain(value)).toEqual({ seen: 'cli', x: 'cli' });
  });

  it('asks external sources in order, each seeing what is known', async () => {
    const seen: unknown[] = [];
    const source = (name: string, data: object) => ({
      name,
      fetch: async ({ pillar }: { pillar: PyMap }) => {
        seen.push(plain(pillar));
        return { data: map(data) };
      },
    });
    const trees = { base: { 'top.sls': "base: {'*': [a]}\n", 'a.sls': 'k: {{ one }}\n' } };
    const external = [source('one', { one: 1 }), source('two', { k: 'two' })];
    const last = await compile(trees, { external });
    expect(plain(last.value)).toEqual({ k: 'two', one: 1 });
    expect(seen).toEqual([{ k: 'none' }, { k: 'none', one: 1 }]);
    const first = await compile(trees, { external, settings: { ...defaultPillarSettings, externalFirst: true } });
    expect(plain(first.value)).toEqual({ one: 1, k: 1 });
  });

  it('passes secrets on sealed', async () => {
    const data = new PyMap([['password', new Secret('hunter2')]]);
    const external = [{ name: 'vault', fetch: async () => ({ data }) }];
    const { value } = await compile({ base: {} }, { external });
    expect((value!.get('password') as Secret).reveal()).toBe('hunter2');
    expect(JSON.stringify(value!.get('password'))).not.toContain('hunter2');
  });

  it('fails as a whole, with everything that is wrong, and how the file came to be read', async () => {
    const { value, diagnostics } = await compile(
      {
        base: {
          'top.sls': "base: {'*': [a, lst, gone, inc, okay]}\n",
          'a.sls': 'x: [1\n',
          'lst.sls': '- 1\n',
          'inc.sls': 'include:\n  - okay\n  - nothere\n',
          'okay.sls': 'k: 1\n',
        },
      },
      { external: [{ name: 'vault', fetch: async () => Promise.reject(new Error('sealed')) }] },
    );
    expect(value).toBeUndefined();
    expect(diagnostics.map(({ summary }) => summary)).toEqual([
      expect.stringMatching(/./),
      'pillar SLS `lst` is not a mapping',
      'no SLS `gone` in environment `base`',
      'no SLS `nothere` in environment `base`',
      'external pillar `vault` failed: sealed',
    ]);
    expect(diagnostics[0]!.source).toMatchObject({ file: 'a.sls' });
    expect(diagnostics[2]!.source).toMatchObject({ file: 'top.sls', line: 1 });
    expect(diagnostics[3]!.source).toMatchObject({ file: 'inc.sls', line: 3 });
  });

  it.each([
    ['include: b\n', '`include` is not a list'],
    ['include: [5]\n', 'an include is an SLS name'],
    ['include: [{b: {defauls: {}}}]\n', 'no option `defauls`'],
    ['include: [{b: {key: [a]}}]\n', '`key` of an include'],
  ])('refuses %j', async (text, summary) => {
    const { value, diagnostics } = await compile({
      base: { 'top.sls': "base: {'*': [a]}\n", 'a.sls': text, 'b.sls': '' },
    });
    expect(value).toBeUndefined();
    expect(diagnostics[0]!.summary).toContain(summary);
    expect(diagnostics[0]!.source).toMatchObject({ file: 'a.sls', line: 1 });
  });

  it('ends on includes that go round in a circle, whichever is asked for', async () => {
    const circle = {
      'a.sls': 'include: [b]\na: 1\n',
      'b.sls': 'include: [c]\nb: 1\n',
      'c.sls': 'include: [a]\nc: 1\n',
    };
    for (const names of ['a', 'b', 'c', 'a, b', 'c, a']) {
      const { value } = await compile({ base: { 'top.sls': `base: {'*': [${names}]}\n`, ...circle } });
      expect(plain(value)).toEqual({ a: 1, b: 1, c: 1 });
    }
  });

  it('includes from the parent with two dots', async () => {
    const trees = {
      base: { 'top.sls': "base: {'*': [x.y.z]}\n", 'x/y/z.sls': 'include: [..b]\n', 'x/b.sls': 'b: 1\n' },
    };
    expect(plain((await compile(trees)).value)).toEqual({ b: 1 });
  });

  it('warns of a target that looks at the pillar being compiled', async () => {
    const trees = { base: { 'top.sls': "base:\n  'k:v':\n    - match: pillar\n    - a\n", 'a.sls': 'seen: yes\n' } };
    const { value, diagnostics } = await compile(trees);
    expect(plain(value)).toEqual({});
    expect(diagnostics).toMatchObject([{ severity: 'warning', source: { file: 'top.sls', line: 2 } }]);
    expect(plain((await compile(trees, { override: map({ k: 'v' }) })).value)).toEqual({ k: 'v', seen: true });
  });

  it('warns of an environment there is not', async () => {
    const trees = { base: {}, prod: { 'top.sls': "prod: {'*': [a]}\n", 'a.sls': 'k: 1\n' } };
    expect(plain((await compile(trees, { pillarenv: 'prod' })).value)).toEqual({ k: 1 });
    const { value, diagnostics } = await compile(trees, { pillarenv: 'prd' });
    expect(plain(value)).toEqual({});
    expect(diagnostics).toMatchObject([{ severity: 'warning', detail: 'did you mean `prod`?' }]);
  });

  it('lets includes win when told so', async () => {
    const trees = { base: { 'top.sls': "base: {'*': [a]}\n", 'a.sls': 'include: [b]\nk: a\n', 'b.sls': 'k: b\n' } };
    const settings = { ...defaultPillarSettings, includesOverride: true };
    expect(plain((await compile(trees, { settings })).value)).toEqual({ k: 'b' });
    expect(plain((await compile(trees)).value)).toEqual({ k: 'a' });
  });
});

describe('mergePillars', () => {
  const a = map({ deep: { x: 1, y: 2 }, lst: [1, 2], only: 1 });
  const b = map({ deep: { y: 3 }, lst: [2, 3] });
  it.each<[MergeStrategy, boolean, object]>([
    ['recurse', false, { deep: { x: 1, y: 3 }, lst: [2, 3], only: 1 }],
    ['recurse', true, { deep: { x: 1, y: 3 }, lst: [1, 2, 3], only: 1 }],
    ['smart', true, { deep: { x: 1, y: 3 }, lst: [1, 2, 3], only: 1 }],
    ['none', true, { deep: { x: 1, y: 3 }, lst: [2, 3], only: 1 }],
    ['overwrite', false, { deep: { y: 3 }, lst: [2, 3], only: 1 }],
    [
      'list',
      false,
      {
        deep: [{ x: 1, y: 2 }, { y: 3 }],
        lst: [
          [1, 2],
          [2, 3],
        ],
        only: 1,
      },
    ],
    ['aggregate', false, { deep: { y: 3 }, lst: [2, 3], only: 1 }],
  ])('%s, joining lists: %s', (strategy, mergeLists, expected) => {
    expect(toPlain(mergePillars(a, b, { strategy, mergeLists }))).toEqual(expected);
    expect(toPlain(a)).toEqual({ deep: { x: 1, y: 2 }, lst: [1, 2], only: 1 });
  });

  it('refuses a strategy there is not, with a suggestion', () => {
    const { diagnostics } = pillarSettings(map({ pillar_source_merging_strategy: 'recurs' }));
    expect(diagnostics).toMatchObject([{ code: 'EDGE_CONFIG_INVALID', detail: 'did you mean `recurse`?' }]);
  });
});

describe('pillarGet', () => {
  const pillar = map({ a: { b: ['x', { k: 'v' }], n: null }, '0': 'zero' });

  it.each([
    ['a:b:0', 'x'],
    ['a:b:-1:k', 'v'],
    ['a:b:k', 'v'],
    ['a:n', null],
    ['0', 'zero'],
    ['a:b:7', ''],
    ['a:n:x', ''],
    ['', ''],
  ])('%j is %j', (path, expected) => {
    expect(pillarGet(pillar, path)).toEqual(expected);
  });

  it('merges over a default of the same kind, and does not change it', () => {
    const fallback = map({ n: 1, b: ['y'] });
    const merged = pillarGet(pillar, 'a', fallback, { merge: true, mergeNestedLists: true });
    expect(toPlain(merged)).toEqual({ n: null, b: ['y', 'x', { k: 'v' }] });
    expect(toPlain(fallback)).toEqual({ n: 1, b: ['y'] });
    expect(pillarGet(pillar, '0', fallback, { merge: true })).toBe('zero');
  });

  it('raises on a missing key only without a default', () => {
    expect(() => pillarGet(pillar, 'no', undefined, { raiseOnMissing: true })).toThrow('pillar key not found: no');
    expect(pillarGet(pillar, 'no', 'd', { raiseOnMissing: true })).toBe('d');
  });
});
