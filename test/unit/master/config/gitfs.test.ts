import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gitRemotes, loadMasterConfig } from '@edge-run/master/config';
import { afterAll, describe, expect, test } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'edge-config-'));
afterAll(() => rmSync(dir, { recursive: true }));

const load = (yaml: string): ReturnType<typeof loadMasterConfig> => {
  const file = join(dir, 'edge.yaml');
  writeFileSync(file, `data_dir: data\n${yaml}`);
  return loadMasterConfig(file);
};
const remotes = (yaml: string): unknown => JSON.parse(JSON.stringify(gitRemotes(load(yaml))));

describe('gitfs_remotes', () => {
  test.each<[string, string, unknown]>([
    ['an address', 'gitfs_remotes: [https://a/b.git]', [{ url: 'https://a/b.git', saltenv: {} }]],
    [
      "Salt's lists of settings",
      [
        'gitfs_remotes:',
        '  - https://a/b.git:',
        '    - root: salt',
        '    - base: trunk',
        '    - saltenv:',
        '      - prod:',
        '        - ref: v1',
        '        - mountpoint: salt://x',
        '      - dev: []',
      ].join('\n'),
      [
        {
          url: 'https://a/b.git',
          root: 'salt',
          base: 'trunk',
          saltenv: { prod: { ref: 'v1', mountpoint: 'salt://x' }, dev: {} },
        },
      ],
    ],
    [
      'plain mappings',
      'gitfs_remotes: [{"git@h:r": {privkey: /k, saltenv_whitelist: "a,b*"}}]',
      [{ url: 'git@h:r', privkey: '/k', saltenv_whitelist: ['a', 'b*'], saltenv: {} }],
    ],
    [
      'what is said for all lies under what a remote says',
      'gitfs_root: all\ngitfs_base: main\ngitfs_saltenv: [{qa: [{ref: v9}]}]\ngitfs_remotes: [/a, {/b: [{root: own}]}]',
      [
        { url: '/a', root: 'all', base: 'main', saltenv: { qa: { ref: 'v9' } } },
        { url: '/b', root: 'own', base: 'main', saltenv: { qa: { ref: 'v9' } } },
      ],
    ],
  ])('%s', (_, yaml, expected) => expect(remotes(yaml)).toEqual(expected));

  test.each([
    ['a setting nobody knows', 'gitfs_remotes: [{/a: [{rooot: x}]}]', /gitfs_remotes\.0\.\/a.*rooot/],
    ['two remotes in one', 'gitfs_remotes: [{/a: [], /b: []}]', /a remote is its address/],
    ['an environment that is none', 'gitfs_remotes: [{/a: [{saltenv: [{x: [{reff: y}]}]}]}]', /reff/],
    ['a backend nobody knows', 'fileserver_backend: [s3fs]', /fileserver_backend/],
  ])('%s is an error', (_, yaml, message) => expect(() => load(yaml)).toThrow(message));
});

test('nodegroups are text, words or ids', () => {
  const { nodegroups } = load('nodegroups: {a: "web*", b: [web1, 2], c: [N@a, and, "G@os:Debian"]}');
  expect(nodegroups).toEqual({ a: 'web*', b: ['web1', '2'], c: ['N@a', 'and', 'G@os:Debian'] });
});
