import {
  type ArchiveMember,
  directoriesOf,
  formatOf,
  leaving,
  packingOf,
  parseTarList,
  parseZipList,
  strippedBy,
  tarWords,
  topLevel,
  withoutFirst,
} from '@edge-run/shared/modules/providers/archive';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const of = (...members: (readonly [string, ArchiveMember['kind'], string?])[]) => ({
  members: members.map(([path, kind, target]) => ({ path, kind, ...(target === undefined ? {} : { target }) })),
  isEncrypted: false,
});

const GNU_TAR = `app/
app/bin/run me
app/current
app/bin/hard

drwxr-xr-x root/root         0 2026-11-21 21:18 app/
-rwxr-xr-x 1000/users       12 2026-11-21 21:18 app/bin/run me
lrwxrwxrwx root/root         0 2026-11-21 21:18 app/current -> /opt/app -> x
hrwxr-xr-x root/root         0 2026-11-21 21:18 app/bin/hard link to app/bin/run me
`;
const UNZIP = `app/
app/a b.txt
app/link
dos.txt

Archive:  /tmp/x.zip
Zip file size: 600 bytes, number of entries: 4
drwxr-xr-x  3.0 unx        0 bx stor 26-Nov-21 21:18 app/
-rw-r--r--  3.0 unx        4 tx stor 26-Nov-21 21:18 app/a b.txt
lrwxrwxrwx  3.0 unx        5 bx stor 26-Nov-21 21:18 app/link
-rw-a--     2.0 fat        4 b- defN 26-Nov-21 21:18 dos.txt
4 files, 13 bytes uncompressed, 13 bytes compressed:  0.0%
`;

describe('contents of archives', () => {
  it('tar: kinds and targets', () => {
    expect(parseTarList(GNU_TAR)).toEqual(
      of(
        ['app', 'directory'],
        ['app/bin/run me', 'file'],
        ['app/current', 'link', '/opt/app -> x'],
        ['app/bin/hard', 'file', 'app/bin/run me'],
      ),
    );
  });
  it('zip: kinds, also of archives made elsewhere, and whether a password is needed', () => {
    expect(parseZipList(UNZIP)).toEqual(
      of(['app', 'directory'], ['app/a b.txt', 'file'], ['app/link', 'link'], ['dos.txt', 'file']),
    );
    expect(parseZipList(UNZIP.replace(' tx ', ' TX ')).isEncrypted).toBe(true);
  });
  it.each([
    ['names without lines', 'a\n\n'],
    ['another number of lines', 'a\nb\n\n-rw-r--r-- 0/0 1 2026-11-21 21:18 a\n'],
    ['another name', 'a\n\n-rw-r--r-- 0/0 1 2026-11-21 21:18 b\n'],
    ['a name that is no text', '\ufffd\n\n-rw-r--r-- 0/0 1 2026-11-21 21:18 \ufffd\n'],
  ])('a list that cannot be read: %s', (_, printed) => {
    expect(() => parseTarList(printed)).toThrow(expect.objectContaining({ code: 'EDGE_COMMAND_FAILED' }));
  });
  it('tar: any names come back as they are', () => {
    const part = fc.stringMatching(/^[^\0\n\r/\ufffd]{1,6}$/).filter((one) => one !== '.');
    const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const member = fc.tuple(path, fc.constantFrom('-', 'd', 'l', 'h'), path);
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 5 }), (members) => {
        const arrow = { '-': '', d: '', l: ' -> ', h: ' link to ' } as const;
        const lines = members.map(([name, type, target]) => {
          const tail = arrow[type] === '' ? '' : arrow[type] + target;
          return `${type}rw-r--r-- a/b 1 2026-11-21 21:18 ${name}${tail}`;
        });
        const parsed = parseTarList(`${members.map(([name]) => name).join('\n')}\n\n${lines.join('\n')}\n`);
        expect(parsed.members.map(({ path: name }) => name)).toEqual(members.map(([name]) => name));
        const kinds = { '-': 'file', d: 'directory', l: 'link', h: 'file' };
        expect(parsed.members.map(({ kind }) => kind)).toEqual(members.map(([, type]) => kinds[type]));
      }),
      { numRuns: 200 },
    );
  });
  it.each([
    ['an absolute path', of(['/etc/x', 'file']), ['/etc/x']],
    ['a path upwards', of(['a/../../x', 'file'], ['..', 'directory']), ['a/../../x', '..']],
    ['a path upwards, from Windows', of(['a\\..\\..\\x', 'file']), ['a\\..\\..\\x']],
    ['a hard link to elsewhere', of(['a', 'file', '/etc/shadow'], ['b', 'file', '../x']), ['a', 'b']],
    ['through a link of the archive', of(['a', 'link', '/etc'], ['a/x', 'file']), ['a/x']],
    ['over a link of the archive', of(['a', 'link', '/etc/x'], ['a', 'file']), ['a']],
    ['nothing else', of(['a..b/..c', 'file'], ['l', 'link', '/anywhere'], ['h', 'file', 'a..b/..c']), []],
  ])('leaving the directory: %s', (_, contents, expected) => {
    expect(leaving(contents)).toEqual(expected);
  });
  it('leaving: what is not refused stays below, whatever the names', () => {
    const name = fc
      .array(fc.constantFrom('a', '..', '.', '', '/'), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(name, (path) => {
        const { members } = parseTarList(`${path === '' ? 'x' : path}\n\n-rw 0/0 1 d t ${path === '' ? 'x' : path}\n`);
        if (leaving({ members, isEncrypted: false }).length > 0) return;
        for (const one of members) expect(new URL(one.path, 'file:///into/').pathname).toMatch(/^\/into\/./);
      }),
    );
  });
  it('paths of an archive: directories, top, without the first', () => {
    const contents = of(['app/bin/run', 'file'], ['app/lib', 'directory'], ['README', 'file']);
    expect([...directoriesOf(contents)].sort()).toEqual(['app', 'app/bin', 'app/lib']);
    expect(topLevel(contents)).toEqual({ directories: ['app'], others: ['README'] });
    expect(withoutFirst(contents, 1).members.map(({ path }) => path)).toEqual(['bin/run', 'lib']);
    expect(['--strip=2', '--strip-components 1', "x --strip-components='3'", 'z', undefined].map(strippedBy)).toEqual([
      2, 1, 3, 0, 0,
    ]);
  });
  it('formats by name, packing by content, options as words', () => {
    const names = [
      'a.tar',
      'a.TGZ',
      'http://x/a.tar.xz?b=c.zip',
      'a.zip',
      'a.tar.zst',
      'a.gz',
      'zip',
      'http://x/?f=a.zip',
    ];
    expect(names.map(formatOf)).toEqual(['tar', 'tar', 'tar', 'zip', 'tar', undefined, undefined, undefined]);
    const starts = [
      [0x1f, 0x8b, 8],
      [0x42, 0x5a, 0x68],
      [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
      [0x28, 0xb5, 0x2f, 0xfd],
      [],
      [0x61],
    ];
    expect(starts.map((start) => packingOf(new Uint8Array(start)))).toEqual([
      'gzip',
      'bzip2',
      'xz',
      'zstd',
      'none',
      'none',
    ]);
    expect([undefined, 'v', 'xvzf', 'J --strip 1', '-z -v'].map(tarWords)).toEqual([
      [],
      [],
      ['-z'],
      ['-J', '--strip', '1'],
      ['-z'],
    ]);
  });
});
