import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createCatalog } from '@edge-run/shared/execute';
import type { FileSource } from '@edge-run/shared/files';
import { toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { isRoot, realHost } from '../../support/real-host.ts';
import { WebServer } from '../../support/web-server.ts';

const catalog = createCatalog();
const extracted = catalog.states.get('archive.extracted')!;
const has = (program: string): boolean => {
  try {
    return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', program]).length > 0;
  } catch {
    return false;
  }
};
const MEMBERS = ['app', 'app/bin', 'app/bin/run me', 'app/current', 'app/note'];

describe('archives on this machine', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  let dir: string;
  const served = new Map<string, Buffer>();
  const at = (...parts: string[]): string => join(dir, ...parts);
  const inDir = (command: string): void =>
    void execFileSync('sh', ['-ec', command], { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
  const run = async (args: object, mode: 'apply' | 'plan' = 'apply') => {
    const end = await runState(extracted, ctx, args as Record<string, unknown>, mode);
    return { result: end.result, changes: toPlain(end.changes) as Record<string, unknown>, comment: end.comment };
  };
  const call = async (name: string, args: unknown[], kwargs = {}) =>
    toPlain((await callFunction(catalog.functions.get(name)!, ctx, args, kwargs)).answer as Value);
  const left = (): string[] => readdirSync('/tmp').filter((name) => name.startsWith('tmp.'));

  beforeAll(async () => {
    real = await realHost();
    dir = real.dir;
    const files: FileSource = {
      open: (uri) => {
        const path = uri.replace(/^salt:\/\//, '');
        const content = served.get(path);
        if (content === undefined) return Promise.resolve(undefined);
        const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
        return Promise.resolve({
          path,
          digest,
          sizeBytes: content.length,
          mode: 0o644,
          read: () => Promise.resolve(content),
        });
      },
      async *list() {},
      environments: () => Promise.resolve(['base']),
    };
    ctx = moduleContext(real.host, { opts: { cachedir: at('cache') }, extra: { files } });
    mkdirSync(at('tree/app/bin'), { recursive: true });
    writeFileSync(at('tree/app/bin/run me'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(at('tree/app/note'), 'one\n', { mode: 0o600 });
    symlinkSync('/opt/elsewhere', at('tree/app/current'));
    inDir(
      'cd tree && tar -cf ../app.tar app && gzip -k ../app.tar && zip -qry ../app.zip app && zip -qry -P hush ../locked.zip app',
    );
    for (const name of ['app.tar', 'app.tar.gz', 'app.zip']) served.set(name, readFileSync(at(name)));
  });
  afterAll(() => real.dispose());

  it.each([
    ['gzip', 'gz'],
    ['bzip2', 'bz2'],
    ['xz', 'xz'],
    ['zstd', 'zst'],
  ])('a tar archive packed by %s: planned, extracted, and then in sync', async (program, ending) => {
    if (!has(program)) return;
    inDir(`${program} -kfq app.tar`);
    const args = { name: at(`out-${ending}`), source: at(`app.tar.${ending}`) };
    expect(await run(args, 'plan')).toMatchObject({
      result: null,
      changes: { extracted_files: expect.arrayContaining(MEMBERS) },
    });
    expect(existsSync(args.name)).toBe(false);
    const done = await run(args);
    expect(done).toMatchObject({ result: true, changes: { directories_created: [`${args.name}/`] } });
    expect([...(done.changes.extracted_files as string[])].sort()).toEqual(MEMBERS);
    expect(lstatSync(join(args.name, 'app/bin/run me')).mode & 0o777).toBe(0o755);
    expect(lstatSync(join(args.name, 'app/current')).isSymbolicLink()).toBe(true);
    expect(await run(args)).toMatchObject({ result: true, changes: {} });
    rmSync(join(args.name, 'app/note'));
    expect(await run({ ...args, trim_output: 2 })).toMatchObject({
      result: true,
      changes: { extracted_files: (done.changes.extracted_files as string[]).slice(0, 2) },
    });
  });
  it('zip: from the file server, with a password, with usual permissions; nothing is left in /tmp', async () => {
    const before = left();
    const args = { name: at('zip'), source: 'salt://app.zip' };
    expect(await run(args)).toMatchObject({
      result: true,
      changes: { extracted_files: expect.arrayContaining(['app/', 'app/note']) },
    });
    expect(lstatSync(at('zip/app/note')).mode & 0o777).toBe(0o600);
    expect(lstatSync(at('zip/app/current')).isSymbolicLink()).toBe(true);
    expect(await run(args)).toMatchObject({ result: true, changes: {} });
    const locked = { name: at('locked'), source: at('locked.zip'), extract_perms: false };
    expect(await run(locked)).toMatchObject({ result: false, comment: expect.stringContaining('password') });
    const wrong = await run({ ...locked, password: 'wrong' });
    expect(wrong.result).toBe(false);
    expect(wrong.comment).not.toContain('-P');
    expect(await run({ ...locked, password: 'hush' })).toMatchObject({ result: true });
    expect(readFileSync(at('locked/app/note'), 'utf8')).toBe('one\n');
    expect(lstatSync(at('locked/app/note')).mode & 0o777).toBe(0o644);
    expect(left()).toEqual(before);
  });
  it('options strip directories; what is stripped is in sync too', async () => {
    const args = {
      name: at('strip'),
      source: 'salt://app.tar.gz',
      options: 'xvz --strip-components=1',
      enforce_toplevel: false,
    };
    expect(await run(args)).toMatchObject({ result: true });
    expect(readdirSync(args.name).sort()).toEqual(['bin', 'current', 'note']);
    expect(await run(args)).toMatchObject({ result: true, changes: {} });
    expect(await run({ ...args, name: at('never'), enforce_toplevel: true })).toMatchObject({ result: false });
    expect(existsSync(at('never'))).toBe(false);
  });
  it('over http: the digest is checked, and what was extracted is not fetched again', async () => {
    const body = served.get('app.tar.gz')!;
    const hex = createHash('sha256').update(body).digest('hex');
    const web = await WebServer.start((request, response) => {
      if (request.url === '/SUMS') response.end(`${hex}  app.tar.gz\n`);
      else if (request.url === '/app.tar.gz') response.end(body);
      else response.writeHead(404).end();
    });
    try {
      const source = [`${web.url}/none.tar.gz`, `${web.url}/app.tar.gz`];
      const args = { name: at('http'), source: source[1], source_hash: `${web.url}/SUMS` };
      expect(await run({ ...args, source_hash: `sha256=${'0'.repeat(64)}` })).toMatchObject({ result: false });
      expect(await run({ ...args, source_hash: undefined })).toMatchObject({ result: false });
      expect(existsSync(args.name)).toBe(false);
      expect(await run(args)).toMatchObject({ result: true, changes: { extracted_files: expect.anything() } });
      web.asked.length = 0;
      expect(await run(args)).toMatchObject({ result: true, changes: {} });
      expect(web.asked).toEqual(['GET /SUMS']);
      expect(await run({ name: at('list'), source, skip_verify: true })).toMatchObject({ result: true });
      expect(await run({ ...args, name: at('list2'), source })).toMatchObject({ result: true });
    } finally {
      await web.stop();
    }
  });
  it('another version: extracted when told, once', async () => {
    const name = at('versions');
    const source = at('version.tar');
    inDir('cp app.tar version.tar');
    await run({ name, source });
    // A record that is broken counts as none.
    for (const record of readdirSync(at('cache/archives'))) writeFileSync(at('cache/archives', record), 'broken');
    inDir('cp -r tree tree2 && echo two >tree2/app/note && tar -C tree2 -cf version.tar app');
    expect(await run({ name, source })).toMatchObject({ result: true, changes: {} });
    expect(readFileSync(join(name, 'app/note'), 'utf8')).toBe('one\n');
    const overwrite = { name, source, overwrite: true };
    expect(await run(overwrite, 'plan')).toMatchObject({ result: null });
    expect(await run(overwrite)).toMatchObject({ result: true, changes: { extracted_files: expect.anything() } });
    expect(readFileSync(join(name, 'app/note'), 'utf8')).toBe('two\n');
    expect(await run(overwrite)).toMatchObject({ result: true, changes: {} });
    inDir('cp app.tar version.tar && echo mine >versions/app/mine && echo other >versions/other');
    const sha1 = createHash('sha1').update(readFileSync(source)).digest('hex');
    const clean = { name, source, source_hash: sha1, source_hash_update: true, clean: true };
    expect(await run(clean)).toMatchObject({ result: true, changes: { removed: [join(name, 'app')] } });
    expect(existsSync(join(name, 'app/mine'))).toBe(false);
    expect(existsSync(join(name, 'other'))).toBe(true);
    expect(await run(clean)).toMatchObject({ result: true, changes: {} });
    rmSync(join(name, 'app/note'));
    expect(await run({ name, source, skip_files_list_verify: true, source_hash: sha1 })).toMatchObject({ changes: {} });
    expect(await run({ name, source, clean_parent: true })).toMatchObject({
      result: true,
      changes: { removed: [name] },
    });
    expect(existsSync(join(name, 'other'))).toBe(false);
    expect(await run({ name, source, source_hash: `md5=${'0'.repeat(32)}`, overwrite: true })).toMatchObject({
      result: false,
    });
  });
  it('what would leave the directory is refused, and nothing is extracted', async () => {
    mkdirSync(at('evil'));
    writeFileSync(at('evil/x'), 'x');
    symlinkSync(at('outside'), at('evil/link'));
    inDir('mkdir outside; tar -C evil -cf up.tar --transform \'s,^x,../x,\' x; tar -P -cf abs.tar "$PWD/evil/x"');
    inDir(
      'cd evil; tar -cf ../through.tar link; mkdir ../evil2 ../evil2/link; cp x ../evil2/link; tar -C ../evil2 -rf ../through.tar link/x',
    );
    for (const archive of ['up.tar', 'abs.tar', 'through.tar'])
      expect(await run({ name: at('victim'), source: at(archive), enforce_toplevel: false })).toMatchObject({
        result: false,
        comment: expect.stringContaining('outside of the directory'),
      });
    expect(existsSync(at('victim'))).toBe(false);
    // A link that is there already is not written through either, unless it is removed.
    mkdirSync(at('linked'));
    symlinkSync(at('outside'), at('linked/app'));
    writeFileSync(at('outside/bin'), 'precious');
    const args = { name: at('linked'), source: at('app.tar') };
    expect(await run(args)).toMatchObject({ result: false, comment: expect.stringContaining('force') });
    expect(await run({ ...args, force: true })).toMatchObject({
      result: true,
      changes: { removed: [at('linked/app')] },
    });
    expect(readdirSync(at('outside'))).toEqual(['bin']);
  });
  it('if_missing, wrong arguments, broken archives: one clear reason, and nothing is done', async () => {
    writeFileSync(at('broken.tar.gz'), 'no archive');
    const good = { name: at('bad'), source: at('app.tar') };
    expect(await run({ ...good, if_missing: at('app.tar') })).toMatchObject({ result: true, changes: {} });
    for (const bad of [
      { name: 'relative' },
      { source: at('none.tar') },
      { source: at('broken.tar.gz') },
      { source: at('tree/app/note') },
      { archive_format: 'rar' },
      { password: 'x' },
      { enforce_ownership_on: dir },
      { clean: true, clean_parent: true },
      { name: '/', clean: true },
      { name: at('app.tar') },
    ])
      expect(await run({ ...good, ...bad })).toMatchObject({ result: false, changes: {} });
    expect(existsSync(good.name)).toBe(false);
  });
  it.skipIf(!isRoot)('user and group: of everything in the archive, links themselves too', async () => {
    const args = { name: at('owned'), source: at('app.tar'), user: 'daemon', group: 'daemon' };
    expect(await run(args)).toMatchObject({ result: true, changes: { 'updated ownership': true } });
    expect(lstatSync(at('owned/app/current')).uid).toBe(lstatSync(at('owned/app/note')).uid);
    expect((await real.host.stat(at('owned/app/note')))?.user).toBe('daemon');
    execFileSync('chown', ['root', at('owned/app/note')]);
    expect(await run(args, 'plan')).toMatchObject({ result: null, changes: { 'updated ownership': true } });
    expect(await run(args)).toMatchObject({ result: true, changes: { 'updated ownership': true } });
    expect(await run(args)).toMatchObject({ result: true, changes: {} });
    expect(await run({ ...args, user: 'edge-nobody-such' })).toMatchObject({ result: false });
  });
  it('functions: list, pack, extract', async () => {
    expect(await call('archive.list', [at('app.tar')])).toEqual([
      'app/',
      'app/bin/',
      'app/bin/run me',
      'app/current',
      'app/note',
    ]);
    expect(await call('archive.list', ['salt://app.zip'], { verbose: true })).toEqual({
      dirs: ['app/', 'app/bin/'],
      files: ['app/bin/run me', 'app/note'],
      links: ['app/current'],
      top_level_dirs: ['app/'],
      top_level_files: [],
      top_level_links: [],
    });
    expect(await call('archive.list', [at('app.tar')], { strip_components: 1 })).toEqual([
      'bin/',
      'bin/run me',
      'current',
      'note',
    ]);
    expect([
      await call('archive.is_encrypted', [at('locked.zip')]),
      await call('archive.is_encrypted', [at('app.zip')]),
    ]).toEqual([true, false]);
    expect(await call('archive.tar', ['cvzf', at('new.tgz')], { sources: 'tree/a*,app.zip', cwd: dir })).toContain(
      'tree/app/note',
    );
    expect(await call('archive.tar', ['xf', at('new.tgz')], { sources: ['app.zip'], dest: at('tree') })).toEqual([]);
    expect(existsSync(at('tree/app.zip'))).toBe(true);
    await call('archive.zip', [at('new.zip'), ['tree/app/*']], { cwd: dir });
    expect(
      await call('archive.unzip', [at('new.zip'), at('unzipped')], { excludes: 'tree/app/note', extract_perms: false }),
    ).toContain('tree/app/bin/run me');
    expect(existsSync(at('unzipped/tree/app/note'))).toBe(false);
    expect(
      await call('archive.cmd_unzip', [at('locked.zip'), at('unlocked')], { password: 'hush', trim_output: 1 }),
    ).toEqual(['app/']);
    await expect(call('archive.unzip', [at('locked.zip'), at('unlocked2')])).rejects.toMatchObject({
      code: 'EDGE_MISSING_ARGUMENT',
    });
    await call('archive.gzip', [at('tree/app/note')], { options: '-9' });
    expect(existsSync(at('tree/app/note'))).toBe(false);
    await call('archive.gunzip', [at('tree/app/note.gz')]);
    expect(readFileSync(at('tree/app/note'), 'utf8')).toBe('one\n');
    await expect(call('archive.list', [at('x.bin')])).rejects.toMatchObject({ code: 'EDGE_BAD_ARGUMENT' });
    await expect(call('archive.list', ['salt://none.tar'])).rejects.toMatchObject({ code: 'EDGE_FILE_NOT_FOUND' });
  });
});
