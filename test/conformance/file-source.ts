import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bundleDigest,
  createTemplateLoader,
  type FileEntry,
  type FileSource,
  findSls,
  listSls,
} from '@edge-run/shared/files';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A file of a test tree: its text, or what else it is. */
export type TreeFile = string | { readonly text: string; readonly mode: number } | { readonly link: string };
/** Environment → path → file. */
export type Trees = Readonly<Record<string, Readonly<Record<string, TreeFile>>>>;

/** Makes a source that serves the trees; `dir` is an empty directory of its own. */
export type MakeSource = (
  trees: Trees,
  dir: string,
) => Promise<{
  readonly source: FileSource;
  /** Puts another text into a file of `base`, as its author would. */
  change(path: string, text: string): Promise<void>;
}>;

const trees: Trees = {
  base: {
    'top.sls': 'base: {}\n',
    'web/init.sls': 'nginx: pkg.installed\n',
    'web/map.jinja': '{% set a = 1 %}',
    'web.conf': 'x',
    'web/script.sh': { text: '#!/bin/sh\n', mode: 0o755 },
    'web/same.sls': { link: 'init.sls' },
    'shared/a.sls': 'a',
    linked: { link: 'shared' },
    'outside.sls': { link: '../../../../../../../../etc/hostname' },
    absolute: { link: '/etc/hostname' },
    loop: { link: 'loop' },
    dangling: { link: 'nothing' },
    'up/self': { link: '..' },
    'unicode-ü 1.txt': 'ü',
  },
  dev: { 'web/init.sls': 'dev\n', 'only-dev.sls': 'x' },
};

/** What every FileSource promises; run it on each implementation. */
export function describeFileSource(name: string, make: MakeSource): void {
  describe(`FileSource: ${name}`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'edge-files-'));
    let made: Awaited<ReturnType<MakeSource>>;
    let source: FileSource;
    beforeAll(async () => {
      made = await make(trees, dir);
      source = made.source;
    });
    afterAll(() => rmSync(dir, { recursive: true, force: true }));

    const text = async (uri: string, env = 'base'): Promise<string | undefined> => {
      const file = await source.open(uri, env);
      return file && new TextDecoder().decode(await file.read());
    };
    const list = async (prefix: string, env = 'base'): Promise<readonly FileEntry[]> => {
      const entries: FileEntry[] = [];
      for await (const entry of source.list(prefix, env)) entries.push(entry);
      return entries;
    };

    it.each(['salt://web/init.sls', 'edge://web/init.sls', 'web/init.sls', '/web/./x/../init.sls'])(
      'opens %s',
      async (uri) => {
        expect(await text(uri)).toBe('nginx: pkg.installed\n');
      },
    );

    it('serves an environment, and ?saltenv= before it', async () => {
      expect(await text('salt://web/init.sls', 'dev')).toBe('dev\n');
      expect(await text('salt://web/init.sls?saltenv=dev')).toBe('dev\n');
      expect(await text('salt://only-dev.sls')).toBeUndefined();
      expect(await text('salt://web/init.sls', 'nope')).toBeUndefined();
      expect(await source.environments()).toEqual(['base', 'dev']);
    });

    it('answers undefined for what is not a file', async () => {
      for (const uri of ['web', 'web/', 'nothing', 'web/init.sls/x', 'loop', 'dangling', '']) {
        expect(await source.open(uri, 'base'), uri).toBeUndefined();
      }
    });

    it('gives digest, size and mode', async () => {
      const file = await source.open('web.conf', 'base');
      expect(file).toMatchObject({
        path: 'web.conf',
        digest: 'sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881',
        sizeBytes: 1,
      });
      expect((await source.open('web/script.sh', 'base'))!.mode & 0o111).toBe(0o111);
      expect(file!.mode & 0o111).toBe(0);
    });

    it('follows symlinks inside the root', async () => {
      expect(await text('web/same.sls')).toBe('nginx: pkg.installed\n');
      expect(await text('linked/a.sls')).toBe('a');
      expect(await text('up/self/shared/a.sls')).toBe('a');
    });

    it.each(['outside.sls', 'absolute', '../x', 'salt://web/../../x'])('refuses %s, which leads out', async (uri) => {
      await expect(source.open(uri, 'base')).rejects.toMatchObject({ code: 'EDGE_FILES_OUTSIDE_ROOT' });
    });

    it('lists by prefix, sorted, what can be opened', async () => {
      const paths = (await list('')).map(({ path }) => path);
      expect(paths).toEqual([...paths].sort());
      expect(paths).toContain('linked/a.sls');
      expect(paths).toContain('unicode-ü 1.txt');
      for (const path of ['outside.sls', 'absolute', 'loop', 'dangling']) expect(paths).not.toContain(path);
      for (const path of paths) expect(await source.open(path, 'base'), path).toBeDefined();
      expect((await list('web')).map(({ path }) => path)).toEqual([
        'web.conf',
        'web/init.sls',
        'web/map.jinja',
        'web/same.sls',
        'web/script.sh',
      ]);
      expect((await list('web/m')).map(({ path }) => path)).toEqual(['web/map.jinja']);
      expect(await list('', 'nope')).toEqual([]);
    });

    it('finds and names SLS files', async () => {
      expect(await findSls(source, 'base', 'web')).toMatchObject({ kind: 'found', file: { path: 'web/init.sls' } });
      expect(await findSls(source, 'base', 'shared.a')).toMatchObject({
        kind: 'found',
        file: { path: 'shared/a.sls' },
      });
      expect(await findSls(source, 'base', 'wev')).toMatchObject({
        kind: 'missing',
        tried: ['wev.sls', 'wev/init.sls'],
        diagnostic: { code: 'EDGE_SLS_NOT_FOUND', detail: 'tried wev.sls and wev/init.sls; did you mean `web`?' },
      });
      const lookup = await findSls(source, 'base', 'only-dev');
      expect(lookup.kind === 'missing' && lookup.diagnostic.detail).toContain('it is in environment dev');
      expect(await listSls(source, 'dev')).toEqual(['only-dev', 'web']);
    });

    it('loads templates', async () => {
      const loader = createTemplateLoader(source, 'base');
      expect(await loader.load('web/map.jinja')).toEqual({ text: '{% set a = 1 %}', path: 'web/map.jinja' });
      expect(await loader.load('web/nope.jinja')).toBeUndefined();
    });

    it('sees a change, in content, digest and bundle', async () => {
      const before = await list('shared/');
      await made.change('shared/a.sls', 'b');
      const after = await list('shared/');
      expect(await text('shared/a.sls')).toBe('b');
      expect(after[0]!.digest).not.toBe(before[0]!.digest);
      expect(bundleDigest(after)).not.toBe(bundleDigest(before));
      expect(bundleDigest([...after].reverse())).toBe(bundleDigest(after));
    });
  });
}
