import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addSource,
  formatSourcesFile,
  parseSourceLine,
  parseSourcesFile,
} from '@edge-run/shared/modules/providers/apt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const hasApt = spawnSync('apt-get', ['--version']).status === 0;

describe.skipIf(!hasApt)('files of sources (skipped: no apt-get)', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'edge-apt-'));
    mkdirSync(join(dir, 'lists/partial'), { recursive: true });
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it.each(['list', 'sources'])('apt reads a .%s file as it was meant', (ending) => {
    const path = join(dir, `x.${ending}`);
    const lines = [
      'deb [arch=amd64 trusted=yes] http://a.invalid/debian stable main contrib',
      'deb-src [trusted=yes] http://a.invalid/debian stable main',
      'deb [arch=amd64] http://b.invalid/x/ ./',
      '# deb [arch=amd64] http://off.invalid/debian stable main # why',
    ];
    const file = lines
      .map((line) => parseSourceLine(line)!)
      .reduce(addSource, parseSourcesFile(path, '# of the tests\n'));
    writeFileSync(path, formatSourcesFile(file));
    const settings = [`Etc::sourcelist=${path}`, 'Etc::sourceparts=/dev/null', `State::lists=${join(dir, 'lists')}`];
    const shown = execFileSync(
      'apt-get',
      // Nothing is fetched: it tells what it would fetch.
      ['update', '--print-uris', ...settings.flatMap((setting) => ['-o', `Dir::${setting}`])],
      { encoding: 'utf8' },
    );
    const uris = [...shown.matchAll(/^'([^']*)\.xz'/gm)].map(([, uri]) => uri).filter((uri) => !uri!.includes('-all'));
    expect(uris.sort()).toEqual([
      'http://a.invalid/debian/dists/stable/contrib/binary-amd64/Packages',
      'http://a.invalid/debian/dists/stable/main/binary-amd64/Packages',
      'http://a.invalid/debian/dists/stable/main/source/Sources',
      'http://b.invalid/x/./Packages',
    ]);
  });
});
