import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Masterless } from '../../support/masterless.ts';
import { hostFunctions, hostStates } from '../../support/modules.ts';

const TREE = `
include: [more]
'@TMP@/d':
  file.directory:
    - clean: True
    - require:
      - file: named
      - sls: more
    - watch:
      - file: watched
named:
  file.managed: [{name: '@TMP@/d/named', contents: x, makedirs: True}]
watched:
  file.managed: [{name: '@TMP@/d/watched', contents: x, makedirs: True}]
asks:
  file.managed:
    - name: '@TMP@/d/sub/asks'
    - contents: x
    - makedirs: True
    - require_in: [{file: '@TMP@/d'}]
`;

describe('file.directory with clean in a run of states', () => {
  let masterless: Masterless;
  beforeAll(async () => {
    const more = `'@TMP@/d/more':\n  file.managed: [{contents: x, makedirs: True}]\n`;
    masterless = await Masterless.start({
      files: { 'salt/tree.sls': TREE, 'salt/more.sls': more, 'd/stray/file': 'x', 'd/unrelated': 'x' },
      grains: {},
      functions: hostFunctions,
      states: hostStates,
    });
  });
  afterAll(() => masterless.dispose());

  it('keeps what it requires, also by require_in and sls; a test run removes nothing', async () => {
    const directory = join(masterless.dir, 'd');
    const planned = await masterless.call('state.apply', ['tree'], { test: true });
    expect(planned).toMatchObject({ kind: 'answered', retcode: 0 });
    expect(Object.values(changesOf(planned, 'file_|-@TMP@/d_|-@TMP@/d_|-directory'))).toHaveLength(3);
    expect(existsSync(join(directory, 'stray/file'))).toBe(true);

    const done = await masterless.call('state.apply', ['tree']);
    expect(changesOf(done, 'file_|-@TMP@/d_|-@TMP@/d_|-directory')).toEqual({
      removed: ['stray', 'stray/file', 'unrelated', 'watched'].map((path) => `@TMP@/d/${path}`),
    });
    expect(readdirSync(directory).sort()).toEqual(['more', 'named', 'sub']);
    expect(readdirSync(join(directory, 'sub'))).toEqual(['asks']);
  });
});

function changesOf(end: Awaited<ReturnType<Masterless['call']>>, key: string): object {
  const ret = end.kind === 'answered' ? (end.ret as Record<string, { changes: object; comment: string }>) : {};
  return ret[key]!.changes;
}
