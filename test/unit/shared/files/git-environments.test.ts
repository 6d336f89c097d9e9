import { type GitRef, type GitServing, parseRefs, servedEnvironments } from '@edge-run/shared/files';
import { describe, expect, test } from 'vitest';

const refs: readonly GitRef[] = [
  { name: 'dev', kind: 'branch', commit: 'd' },
  { name: 'feature/x', kind: 'branch', commit: 'f' },
  { name: 'master', kind: 'branch', commit: 'm' },
  { name: 'dev', kind: 'tag', commit: 'D' },
  { name: 'v1', kind: 'tag', commit: '1' },
];
const all: GitServing = {
  ...{ root: '', mountpoint: '', saltenv: new Map(), refTypes: ['branch', 'tag', 'sha'] },
  ...{ allow: [], deny: [], disableMapping: false },
};
const served = (given: Partial<GitServing>, known: readonly string[] = []): Record<string, string> =>
  Object.fromEntries(
    [...servedEnvironments({ ...all, ...given }, () => known)(refs)].map(([env, { commit, root, mount }]) => [
      env,
      [commit, root, mount].join('|'),
    ]),
  );

describe('servedEnvironments', () => {
  const sha = 'a'.repeat(40);
  test.each<[string, Partial<GitServing>, Record<string, string>, (readonly string[])?]>([
    [
      'branches, then tags; master is base where no main is',
      {},
      { base: 'm||', dev: 'd||', 'feature/x': 'f||', v1: '1||' },
    ],
    ['another base', { base: 'dev' }, { base: 'd||', 'feature/x': 'f||', master: 'm||', v1: '1||' }],
    ['a base that is not there', { base: 'none', refTypes: ['tag'] }, { dev: 'D||', v1: '1||' }],
    ['branches only', { refTypes: ['branch'] }, { base: 'm||', dev: 'd||', 'feature/x': 'f||' }],
    [
      'root and mountpoint',
      { root: '/salt/', mountpoint: 'salt://team/x', allow: ['base'] },
      { base: 'm|salt|team/x' },
    ],
    ['only some', { allow: ['d*', 'E@v\\d'] }, { dev: 'd||', v1: '1||' }],
    ['not some', { deny: ['E@feature/.*', 'v?'] }, { base: 'm||', dev: 'd||' }],
    [
      'environments of their own',
      {
        disableMapping: true,
        saltenv: new Map([
          ['prod', { ref: 'v1', root: 'p' }],
          ['dev', { mountpoint: 'd' }],
        ]),
      },
      { base: 'm||', prod: '1|p|', dev: 'd||d' },
    ],
    [
      'an object id',
      { disableMapping: true, saltenv: new Map([['pinned', { ref: sha }]]) },
      { base: 'm||', pinned: `${sha}||` },
    ],
    [
      'no object ids',
      { disableMapping: true, refTypes: ['branch'], saltenv: new Map([['p', { ref: sha }]]) },
      { base: 'm||' },
    ],
    ['a fallback', { disableMapping: true, fallback: 'dev' }, { base: 'm||', qa: 'd||' }, ['base', 'qa']],
    ['one ref everywhere', { allSaltenvs: 'v1', disableMapping: true }, { base: '1||', qa: '1||' }, ['qa']],
  ])('%s', (_, given, expected, known) => expect(served(given, known)).toEqual(expected));
});

test('refs are read as git prints them; an annotated tag is its commit', () => {
  const output = 'refs/heads/main 111 \nrefs/tags/v1 222 333\nrefs/remotes/x 444 \n';
  expect(parseRefs(output)).toEqual([
    { name: 'main', kind: 'branch', commit: '111' },
    { name: 'v1', kind: 'tag', commit: '333' },
  ]);
});
