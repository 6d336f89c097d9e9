import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Host } from '@edge-run/shared/host';
import { EdgeError } from '@edge-run/shared/kernel';
import { lookAt } from '@edge-run/shared/modules/operations';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A host to test, with a directory of its own on it. */
export interface HostUnderTest {
  readonly host: Host;
  /** An existing, empty directory on the host, writable for the user the host is reached as. */
  readonly dir: string;
  /** A second user that commands can run as, when the host is reached as root. */
  readonly otherUser?: { readonly name: string; readonly uid: number; readonly groups?: readonly string[] };
  /** Listens on the host for `connect`: greets with `hello\n` and answers each chunk with itself. */
  readonly echo?: { readonly path: string; readonly host: string; readonly port: number };
  dispose(): Promise<void>;
}

/** Behaviour a host cannot offer, by the name of the test, with the reason. */
export type HostSkips = Readonly<Record<string, string>>;

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const bytes = (content: string): Uint8Array => new Uint8Array(Buffer.from(content));
const ALL_BYTES = new Uint8Array(Array.from({ length: 1024 }, (_, index) => index % 256));

/** What every implementation of `Host` promises; the same suite for local machine, SSH and whatever comes. */
export function describeHostConformance(
  name: string,
  factory: () => Promise<HostUnderTest>,
  skip: HostSkips = {},
): void {
  describe(`host conformance: ${name}`, () => {
    let under: HostUnderTest;
    let host: Host;
    const at = (path: string): string => `${under.dir}/${path}`;
    const behaviour = (title: string, run: (context: { skip(note: string): void }) => Promise<void>): void => {
      it(title, { timeout: 60_000 }, async (context) => {
        const reason = skip[title];
        if (reason !== undefined) context.skip(reason);
        await run(context);
      });
    };
    beforeAll(async () => {
      under = await factory();
      host = under.host;
    });
    afterAll(async () => under?.dispose());

    behaviour('exec: gives exit code, stdout and stderr apart', async () => {
      const result = await host.exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
      expect(result).toMatchObject({ exitCode: 3, stdout: 'out\n', stderr: 'err\n', truncated: false });
    });
    behaviour('exec: hands arguments over exactly', async () => {
      const args = ['', ' a  b ', "it's", '"q"', '$HOME', '`id`', 'a\nb', '\\', '*', 'é😀', '-n', '--', ';'];
      const result = await host.exec(['sh', '-c', 'for a in "$@"; do printf "%s\\0" "$a"; done', 'sh', ...args]);
      expect(result.stdout.split('\0').slice(0, -1)).toEqual(args);
    });
    behaviour('exec: gives stdin and stdout byte for byte', async () => {
      const result = await host.exec(['cat'], { stdin: ALL_BYTES });
      expect(Buffer.compare(result.stdoutBytes, ALL_BYTES)).toBe(0);
    });
    behaviour('exec: an absent stdin is empty, not inherited', async () => {
      expect(await host.exec(['cat'])).toMatchObject({ exitCode: 0, stdout: '' });
    });
    behaviour('exec: a program that does not read its stdin does no harm', async () => {
      const result = await host.exec(['true'], { stdin: 'x'.repeat(1_000_000) });
      expect(result.exitCode).toBe(0);
    });
    behaviour('exec: carries megabytes both ways', async () => {
      const big = 'x'.repeat(3_000_000);
      expect((await host.exec(['cat'], { stdin: big })).stdout.length).toBe(big.length);
    });
    behaviour('exec: cuts output at maxOutputBytes and says so', async () => {
      const result = await host.exec(['sh', '-c', 'printf 1234567890; printf abcdefghij >&2'], { maxOutputBytes: 4 });
      expect(result).toMatchObject({ stdout: '1234', stderr: 'abcd', truncated: true, exitCode: 0 });
    });
    behaviour('exec: a death by signal is 128 plus its number', async () => {
      expect((await host.exec(['sh', '-c', 'kill -9 $$'])).exitCode).toBe(137);
    });
    behaviour('exec: a missing program is EDGE_COMMAND_NOT_FOUND', async () => {
      await expect(host.exec(['edge-no-such-program'])).rejects.toMatchObject({ code: 'EDGE_COMMAND_NOT_FOUND' });
      await expect(host.probe(['/no/such/program'])).rejects.toMatchObject({ code: 'EDGE_COMMAND_NOT_FOUND' });
    });
    behaviour('exec: a program that itself ends with 127 is a result', async () => {
      expect((await host.exec(['sh', '-c', 'exit 127'])).exitCode).toBe(127);
    });
    behaviour('exec: runs in cwd; a missing one is EDGE_FILE_NOT_FOUND', async () => {
      expect((await host.exec(['pwd'], { cwd: under.dir })).stdout.trim()).toBe(under.dir);
      await expect(host.exec(['pwd'], { cwd: at('none') })).rejects.toMatchObject({ code: 'EDGE_FILE_NOT_FOUND' });
    });
    behaviour('exec: has a defined environment; env adds and null removes', async () => {
      const env = parseEnvironment((await host.exec(['env'], { env: { EDGE_A: "x y'z", LOGNAME: null } })).stdout);
      expect(env).toMatchObject({ LANG: 'C.UTF-8', EDGE_A: "x y'z" });
      for (const name of ['PATH', 'HOME', 'USER']) expect(env[name]).toBeTruthy();
      expect(env.LOGNAME).toBeUndefined();
      expect(env.PATH).toContain('/usr/bin');
    });
    behaviour('exec: nothing leaks from one command into the next', async () => {
      await host.exec(['sh', '-c', 'cd /; export EDGE_LEAK=1; umask 077'], { env: { EDGE_LEAK2: '1' } });
      const after = await host.exec(['sh', '-c', 'echo "$EDGE_LEAK$EDGE_LEAK2"; umask']);
      expect(after.stdout).toMatch(/^\n0?022\n$/);
    });
    behaviour('exec: the umask is 022', async () => {
      await host.exec(['touch', at('umask')]);
      expect((await host.stat(at('umask')))?.mode).toBe(0o644);
    });
    behaviour('exec: the deadline kills the whole process group', async () => {
      const beat = at('beat');
      const line = '(while :; do echo x >> "$1"; sleep 1; done) & sleep 30';
      await expect(host.exec(['sh', '-c', line, 'sh', beat], { timeoutMs: 1_500 })).rejects.toMatchObject({
        code: 'EDGE_DEADLINE',
      });
      const beats = (await host.stat(beat))?.sizeBytes;
      await host.exec(['sleep', '2']);
      expect((await host.stat(beat))?.sizeBytes).toBe(beats);
    });
    behaviour('exec: the deadline also ends a program that ignores SIGTERM', async () => {
      const ignoring = host.exec(['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'], { timeoutMs: 200 });
      await expect(ignoring).rejects.toMatchObject({ code: 'EDGE_DEADLINE' });
    });
    behaviour('exec: an abort ends the command with EDGE_CANCELLED', async () => {
      const controller = new AbortController();
      const running = host.exec(['sleep', '30'], { signal: controller.signal });
      setTimeout(() => controller.abort(), 100);
      await expect(running).rejects.toMatchObject({ code: 'EDGE_CANCELLED' });
      await expect(host.exec(['true'], { signal: controller.signal })).rejects.toBeInstanceOf(EdgeError);
    });
    behaviour('exec: returns although a background child keeps the output open', async () => {
      const started = Date.now();
      const result = await host.exec(['sh', '-c', 'sleep 8 & echo done']);
      expect(result.stdout).toBe('done\n');
      expect(Date.now() - started).toBeLessThan(5_000);
    });
    behaviour('exec: what a background child writes later shows up nowhere else', async () => {
      const line = '(sleep 1; echo LATE; echo LATE >&2) & echo now';
      expect((await host.exec(['sh', '-c', line])).stdout).toBe('now\n');
      expect((await host.probe(['sh', '-c', line])).stdout).toBe('now\n');
      const others = await Promise.all(
        Array.from({ length: 4 }, () => host.exec(['sh', '-c', 'echo a; sleep 2; echo b; echo c >&2'])),
      );
      for (const { stdout, stderr } of others) expect([stdout, stderr]).toEqual(['a\nb\n', 'c\n']);
    });
    behaviour('exec: output of exactly maxOutputBytes is whole', async () => {
      const print = ['sh', '-c', 'printf 12345; printf 12345 >&2'] as const;
      expect(await host.exec(print, { maxOutputBytes: 5 })).toMatchObject({ stdout: '12345', truncated: false });
      expect(await host.exec(print, { maxOutputBytes: 4 })).toMatchObject({ stdout: '1234', truncated: true });
    });
    behaviour('exec: a program that closes its streams is awaited', async () => {
      const line = 'exec >/dev/null 2>&1; sleep 1; exit 5';
      expect((await host.exec(['sh', '-c', line])).exitCode).toBe(5);
    });
    behaviour('exec: many at once do not mix', async () => {
      const numbers = Array.from({ length: 12 }, (_, index) => String(index));
      const results = await Promise.all(
        numbers.map((number) => host.exec(['sh', '-c', 'echo $1; exit $1', 'sh', number])),
      );
      expect(results.map((result) => [result.stdout.trim(), result.exitCode])).toEqual(
        numbers.map((number) => [number, Number(number)]),
      );
    });
    behaviour('runAs: has the user, its groups, HOME and USER', async (context) => {
      const { otherUser } = under;
      if (otherUser === undefined) return context.skip('no second user: not root');
      const result = await host.exec(['sh', '-c', 'id -u; id -un; echo "$USER $LOGNAME"; id -Gn'], {
        runAs: otherUser.name,
      });
      const [uid, user, names, groups] = result.stdout.trim().split('\n');
      expect([uid, user, names]).toEqual([
        String(otherUser.uid),
        otherUser.name,
        `${otherUser.name} ${otherUser.name}`,
      ]);
      for (const group of otherUser.groups ?? []) expect(groups?.split(' ')).toContain(group);
    });
    behaviour('runAs: files belong to the user and root files stay closed', async (context) => {
      const { otherUser } = under;
      if (otherUser === undefined) return context.skip('no second user: not root');
      await host.exec(['mkdir', '-m', '777', at('open')]);
      await host.exec(['chmod', '755', under.dir]);
      await host.exec(['touch', at('open/mine')], { runAs: otherUser.name });
      expect(await host.stat(at('open/mine'))).toMatchObject({ user: otherUser.name, uid: otherUser.uid });
      await host.writeFile(at('closed'), bytes('x'), { mode: 0o600 });
      expect((await host.exec(['cat', at('closed')], { runAs: otherUser.name })).exitCode).not.toBe(0);
    });
    behaviour('runAs: an unknown user is an error that names it', async () => {
      await expect(host.exec(['true'], { runAs: 'edge-nobody-here' })).rejects.toThrow(/edge-nobody-here/);
    });

    behaviour('writeFile: writes bytes exactly, with the mode', async () => {
      await host.writeFile(at('bin'), ALL_BYTES, { mode: 0o640 });
      expect(Buffer.compare(await host.readFile(at('bin')), ALL_BYTES)).toBe(0);
      expect(await host.stat(at('bin'))).toMatchObject({ kind: 'file', mode: 0o640, sizeBytes: ALL_BYTES.length });
    });
    behaviour('writeFile: takes an empty file and names with spaces, quotes and newlines', async () => {
      for (const odd of ['empty', 'a b', "it's", 'ünï', 'new\nline', '-dash', '$x']) {
        await host.writeFile(at(odd), bytes(odd === 'empty' ? '' : odd), { mode: 0o644 });
        expect(text(await host.readFile(at(odd)))).toBe(odd === 'empty' ? '' : odd);
        await host.remove(at(odd));
        expect(await host.stat(at(odd))).toBeUndefined();
      }
    });
    behaviour('writeFile: carries megabytes', async () => {
      const big = new Uint8Array(2_500_000).fill(7);
      await host.writeFile(at('big'), big, { mode: 0o644 });
      expect(Buffer.compare(await host.readFile(at('big')), big)).toBe(0);
    });
    behaviour('writeFile: replaces in one step and leaves nothing beside', async () => {
      await host.exec(['mkdir', at('atomic')]);
      await host.writeFile(at('atomic/f'), bytes('one'), { mode: 0o600 });
      const before = (await host.exec(['ls', '-i', at('atomic/f')])).stdout.trim().split(' ')[0];
      await host.writeFile(at('atomic/f'), bytes('two'), { mode: 0o4755 });
      expect((await host.exec(['ls', '-i', at('atomic/f')])).stdout.trim().split(' ')[0]).not.toBe(before);
      expect((await host.stat(at('atomic/f')))?.mode).toBe(0o4755);
      expect((await host.list(at('atomic'))).map(({ name: entry }) => entry)).toEqual(['f']);
    });
    behaviour('writeFile: replaces a symlink, not its target', async () => {
      await host.writeFile(at('target'), bytes('kept'), { mode: 0o644 });
      await host.exec(['ln', '-s', at('target'), at('link')]);
      await host.writeFile(at('link'), bytes('new'), { mode: 0o644 });
      expect(text(await host.readFile(at('target')))).toBe('kept');
      expect((await host.stat(at('link')))?.kind).toBe('file');
    });
    behaviour('writeFile: a missing directory is EDGE_FILE_NOT_FOUND', async () => {
      await expect(host.writeFile(at('no/f'), bytes('x'), { mode: 0o644 })).rejects.toMatchObject({
        code: 'EDGE_FILE_NOT_FOUND',
      });
    });
    behaviour('writeFile: never takes the place of a directory', async () => {
      await host.exec(['mkdir', '-p', at('dir/inner')]);
      await expect(host.writeFile(at('dir'), bytes('x'), { mode: 0o644 })).rejects.toBeInstanceOf(EdgeError);
      expect((await host.stat(at('dir/inner')))?.kind).toBe('directory');
    });
    behaviour('writeFile: gives the file to owner and group', async (context) => {
      const { otherUser } = under;
      if (otherUser === undefined) return context.skip('no second user: not root');
      await host.writeFile(at('owned'), bytes('x'), { mode: 0o600, owner: otherUser.name, group: '0' });
      expect(await host.stat(at('owned'))).toMatchObject({ uid: otherUser.uid, gid: 0, mode: 0o600 });
      await expect(host.writeFile(at('owned'), bytes('x'), { mode: 0o600, owner: 'edge-nobody-here' })).rejects.toThrow(
        /edge-nobody-here/,
      );
    });

    behaviour('readFile: a missing file is EDGE_FILE_NOT_FOUND', async () => {
      await expect(host.readFile(at('none'))).rejects.toMatchObject({ code: 'EDGE_FILE_NOT_FOUND' });
    });
    behaviour('readFile: follows symlinks; a directory is an error', async () => {
      await host.writeFile(at('real'), bytes('content'), { mode: 0o644 });
      await host.exec(['ln', '-s', 'real', at('alias')]);
      expect(text(await host.readFile(at('alias')))).toBe('content');
      await expect(host.readFile(under.dir)).rejects.toBeInstanceOf(EdgeError);
    });
    behaviour('stat: of a symlink is of the link itself', async () => {
      await host.exec(['ln', '-s', 'nowhere at all', at('dangling')]);
      expect(await host.stat(at('dangling'))).toMatchObject({ kind: 'symlink', linkTarget: 'nowhere at all' });
    });
    behaviour('stat: knows directories, fifos and absence', async () => {
      await host.exec(['mkfifo', at('fifo')]);
      expect((await host.stat(at('fifo')))?.kind).toBe('fifo');
      expect((await host.stat(under.dir))?.kind).toBe('directory');
      expect(await host.stat(at('absent'))).toBeUndefined();
      await host.writeFile(at('plain'), bytes('x'), { mode: 0o644 });
      expect(await host.stat(at('plain/below'))).toBeUndefined();
    });
    behaviour('stat: tells when the file was changed', async () => {
      await host.exec(['touch', '-d', '@1700000000', at('dated')]);
      expect((await host.stat(at('dated')))?.modifiedAt).toBe(1_700_000_000_000);
    });
    behaviour('look: what stat and readFile say, in one answer', async (context) => {
      if (host.look === undefined) return context.skip('nothing to save: there is no line');
      const look = (path: string, followLinks = true) => host.look!(path, { followLinks });
      await host.writeFile(at('seen'), ALL_BYTES, { mode: 0o640 });
      await host.exec(['ln', '-sf', 'seen', at('to seen')]);
      await host.exec(['ln', '-sf', 'nowhere at all', at('to nothing')]);
      const found = { path: at('seen'), stat: await host.stat(at('seen')), content: ALL_BYTES };
      expect(await look(at('seen'))).toEqual(found);
      expect(await look(at('to seen'))).toEqual(found);
      const link = { path: at('to seen'), stat: await host.stat(at('to seen')) };
      expect(await look(at('to seen'), false)).toEqual(link);
      expect((await look(at('to nothing'))).stat?.kind).not.toBe('file');
      expect(await look(at('not there'))).toEqual({ path: at('not there'), stat: undefined });
      expect(await look(under.dir)).toEqual({ path: under.dir, stat: await host.stat(under.dir) });
      await host.writeFile(at('large'), new Uint8Array(200_000), { mode: 0o600 });
      expect(await look(at('large'))).toMatchObject({ stat: { sizeBytes: 200_000 } });
      expect((await look(at('large'))).content).toBeUndefined();
    });
    behaviour('a link to a place below itself leads nowhere, and is found out at once', async () => {
      await host.exec(['ln', '-sfn', at('grows/in'), at('grows')]);
      await host.exec(['ln', '-sfn', 'itself', at('itself')]);
      for (const name of ['grows', 'itself']) {
        const stat = await host.stat(at(name));
        expect(stat?.kind).toBe('symlink');
        expect(await lookAt(host, at(name), { followLinks: true })).toEqual({ path: at(name), stat });
      }
      await host.exec(['ln', '-sfn', at('not yet'), at('leads on')]);
      expect((await lookAt(host, at('leads on'), { followLinks: true })).path).toBe(at('not yet'));
    });
    behaviour('list: sorted names with kinds, hidden ones too; a missing directory is an error', async () => {
      await host.exec(['mkdir', '-p', at('listed/sub')]);
      for (const entry of ['b', '.a', 'B', 'with\nnewline'])
        await host.writeFile(at(`listed/${entry}`), bytes(''), { mode: 0o644 });
      await host.exec(['ln', '-s', 'sub', at('listed/z')]);
      expect(await host.list(at('listed'))).toEqual([
        { name: '.a', kind: 'file' },
        { name: 'B', kind: 'file' },
        { name: 'b', kind: 'file' },
        { name: 'sub', kind: 'directory' },
        { name: 'with\nnewline', kind: 'file' },
        { name: 'z', kind: 'symlink' },
      ]);
      await expect(host.list(at('none'))).rejects.toMatchObject({ code: 'EDGE_FILE_NOT_FOUND' });
    });
    behaviour('remove: takes trees, never what a symlink points to; absent is fine', async () => {
      await host.exec(['mkdir', '-p', at('keep'), at('tree/deep/er')]);
      await host.writeFile(at('keep/file'), bytes('x'), { mode: 0o644 });
      await host.exec(['ln', '-s', at('keep'), at('tree/link')]);
      await host.exec(['ln', '-s', at('keep'), at('outer')]);
      await host.remove(at('tree'));
      await host.remove(`${at('outer')}/`);
      await host.remove(at('never-there'));
      expect(await host.stat(at('tree'))).toBeUndefined();
      expect(await host.stat(at('outer'))).toBeUndefined();
      expect((await host.stat(at('keep/file')))?.kind).toBe('file');
    });
    behaviour('remove: refuses the root directory', async () => {
      for (const root of ['/', '//', '/tmp/..']) await expect(host.remove(root)).rejects.toBeInstanceOf(EdgeError);
    });
    behaviour('revision: another number after each command and write, none while one is under way', async (context) => {
      const { host } = under;
      if (host.revision === undefined) return context.skip('nobody looks ahead: there is no line');
      const seen = new Set([host.revision()]);
      const works = [
        () => host.exec(['true']),
        () => host.probe(['true']),
        () => host.writeFile(at('counted'), bytes('x'), { mode: 0o644 }),
        () => host.remove(at('counted')),
        () => host.exec(['/no/such/program']).catch(() => undefined),
      ];
      for (const work of works) {
        const done = work();
        expect(host.revision()).toBeUndefined();
        await done;
        seen.add(host.revision());
      }
      expect(seen.size).toBe(works.length + 1);
      expect(seen).not.toContain(undefined);
      await host.stat(at('counted'));
      expect(seen).toContain(host.revision());
    });
    behaviour('connect: reaches unix sockets and tcp ports; nobody there is an error', async (context) => {
      const { echo } = under;
      if (echo === undefined || host.connect === undefined) return context.skip('nothing listens on this host');
      for (const address of [{ path: echo.path }, { host: echo.host, port: echo.port }]) {
        const socket = await host.connect(address);
        socket.write('ping\n');
        let heard = '';
        for await (const chunk of socket) {
          heard += String(chunk);
          if (heard.includes('ping')) break;
        }
        expect(heard).toBe('hello\nping\n');
      }
      await expect(host.connect({ path: at('no.sock') })).rejects.toMatchObject({ code: 'EDGE_HOST_UNREACHABLE' });
    });
  });
}

/** A greeting echo server on this machine, on a unix socket and a port the kernel chose. */
export async function startEcho(): Promise<{ path: string; host: string; port: number; close(): Promise<void> }> {
  const greet = () =>
    createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('hello\n');
      socket.pipe(socket);
    });
  const path = join(mkdtempSync(join(tmpdir(), 'edge-echo-')), 's');
  const unix = greet();
  const tcp = greet();
  await new Promise<void>((done) => unix.listen(path, done));
  await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done));
  const { port } = tcp.address() as { port: number };
  const stop = (server: typeof tcp) => new Promise<void>((done) => server.close(() => done()));
  return {
    path,
    host: '127.0.0.1',
    port,
    close: async () => {
      await Promise.all([stop(unix), stop(tcp)]);
      await rm(dirname(path), { recursive: true });
    },
  };
}

function parseEnvironment(output: string): Record<string, string> {
  return Object.fromEntries(output.split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]));
}
