import type { Diagnostic } from '@edge-run/shared/kernel';
import {
  expandSlsNames,
  type MergeTopsOptions,
  matchTop,
  mergeTops,
  parseTop,
  type TopFile,
} from '@edge-run/shared/top';
import { fromPlain, type PyMap, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';

/** Places as a renderer keeps them: here the key itself stands for the line's text. */
const rendered = (plain: unknown) => ({
  value: fromPlain(plain),
  placeOf: (_container: Value, key: Value) => ({ file: 'top.sls', line: 7, text: String(key) }),
});

function top(plain: unknown): TopFile {
  const { value, diagnostics } = parseTop(rendered(plain), 'top.sls');
  if (value === undefined) throw new Error(diagnostics.map(({ summary }) => summary).join('; '));
  return value;
}

const web1 = {
  id: 'web1',
  grains: fromPlain({ os: 'Debian', roles: ['web'] }) as PyMap,
  pillar: fromPlain({}) as PyMap,
};

function matched(
  files: Record<string, unknown>,
  merge: MergeTopsOptions,
  options = {},
): Record<string, readonly string[]> {
  const tops = new Map(Object.entries(files).map(([env, plain]) => [env, [top(plain)]]));
  const { value, diagnostics } = matchTop(mergeTops(tops, merge), web1, options);
  if (value === undefined) throw new Error(diagnostics.map(({ summary }) => summary).join('; '));
  return Object.fromEntries(value.sls);
}

describe('mergeTops', () => {
  const files = {
    base: { base: { '*': ['common'] }, dev: { 'web*': ['from-base'] } },
    dev: { dev: { '*': ['from-dev'], 'web*': ['more'] }, base: { '*': ['stray'] } },
    qa: { qa: { '*': ['qa'] } },
  };

  it('merge: base is the authority', () => {
    expect(matched(files, { strategy: 'merge' })).toEqual({ base: ['common'], dev: ['from-base'], qa: ['qa'] });
  });

  it('merge_all: joins everything', () => {
    expect(matched(files, { strategy: 'merge_all' })).toEqual({
      base: ['common', 'stray'],
      dev: ['from-base', 'more', 'from-dev'],
      qa: ['qa'],
    });
  });

  it('same: each file speaks for its own environment, or the default does', () => {
    expect(matched(files, { strategy: 'same' })).toEqual({ base: ['common'], dev: ['from-dev', 'more'], qa: ['qa'] });
    expect(matched({ ...files, dev: {} }, { strategy: 'same' })).toMatchObject({ dev: ['from-base'] });
  });

  it('pillar: a later entry replaces the same target', () => {
    expect(matched(files, { strategy: 'pillar' })).toEqual({ base: ['stray'], dev: ['more', 'from-dev'], qa: ['qa'] });
  });

  it('takes environments in the order asked for', () => {
    const order = Object.keys(matched(files, { strategy: 'merge_all', envOrder: ['qa', 'nope', 'dev'] }));
    expect(order).toEqual(['qa', 'dev', 'base']);
  });

  it('sorts pillar entries by their order', () => {
    const plain = { base: { 'web*': [{ order: 2 }, 'b'], '*': [{ order: 1 }, 'a'], w: ['c'] } };
    expect(matched({ base: plain }, { strategy: 'pillar' })).toEqual({ base: ['a', 'b'] });
  });
});

describe('matchTop', () => {
  const merge = { strategy: 'merge' } as const;

  it('matches by compound unless told otherwise', () => {
    const plain = {
      base: {
        'web* and G@os:Debian': ['compound'],
        'os:Debian': [{ match: 'grain' }, 'grain'],
        'web\\d+': [{ match: 'pcre' }, 'pcre'],
        'web1,db1': [{ match: 'list' }, 'list'],
        webs: [{ match: 'nodegroup' }, 'group'],
        'db*': ['not-this'],
        '*': 'shorthand',
      },
    };
    const options = { nodegroups: { webs: 'G@roles:web' } };
    expect(matched({ base: plain }, merge, options)).toEqual({
      base: ['compound', 'grain', 'pcre', 'list', 'group', 'shorthand'],
    });
  });

  it('applies subfilters to hosts the outer target matches', () => {
    const inner = { subfilter: { 'G@os:Debian': ['deb'], 'G@os:Arch': ['arch'] } };
    expect(matched({ base: { base: { '*': ['a', inner], 'db*': [inner] } } }, merge)).toEqual({ base: ['a', 'deb'] });
  });

  it('gives an SLS of another environment, and refuses one that is not there', () => {
    const plain = { base: { '*': ['a', { dev: 'b' }] } };
    expect(matched({ base: plain }, merge, { environments: ['base', 'dev'] })).toEqual({ base: ['a'], dev: ['b'] });
    expect(() => matched({ base: plain }, merge, { environments: ['base', 'deb'] })).toThrow('names no environment');
  });

  it('takes one environment only when asked', () => {
    const plain = { base: { '*': ['a'] }, dev: { '*': ['b'] } };
    expect(matched({ base: plain }, merge, { env: 'dev' })).toEqual({ dev: ['b'] });
  });

  it('reports a target it cannot decide', () => {
    expect(() => matched({ base: { base: { 'N@nope': ['a'] } } }, merge)).toThrow('no nodegroup is named `nope`');
  });
});

describe('parseTop: errors', () => {
  const problems = (plain: unknown): readonly Diagnostic[] => parseTop(rendered(plain), 'top.sls').diagnostics;

  it.each([
    [['a'], 'not a mapping of environments'],
    [{ base: ['a'] }, '`base` is not a mapping of targets'],
    [{ base: { '*': 5 } }, '`*` has no list'],
    [{ base: { '*': [5] } }, 'named by a text'],
    [{ base: { '*': [{ match: 'grian' }, 'a'] } }, 'unknown target type `grian`'],
    [{ base: { 'web* and': ['a'] } }, 'column 6 of `web* and`'],
    [{ base: { '*': [{ order: 'x' }] } }, '`order` has a value'],
    [{ include: 'a' }, '`include` of a top file'],
  ])('%j', (plain, summary) => {
    const found = problems(plain);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ code: 'EDGE_TOP_INVALID', source: { file: 'top.sls' } });
    expect(found[0]!.summary).toContain(summary);
  });

  it('reports all of them, the matcher at its own line', () => {
    const found = problems({ base: { 'a b': ['x'], '*': [{ match: 'grian' }] }, dev: 5 });
    expect(found.map(({ source }) => source!.text)).toEqual(['a b', 'match', 'dev']);
  });

  it('accepts an empty file and empty sections', () => {
    expect(top(null).sections.size).toBe(0);
    expect(top({ base: null }).sections.get('base')).toEqual([]);
  });
});

describe('expandSlsNames', () => {
  it('expands globs in place and keeps what matches nothing', () => {
    expect(expandSlsNames(['b', 'sub.*', 'no*'], ['a', 'b', 'sub.x', 'sub.y'])).toEqual(['b', 'sub.x', 'sub.y', 'no*']);
  });
});
