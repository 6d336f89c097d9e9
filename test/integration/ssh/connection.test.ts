import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createSshFleet, type SshFleet, type SshFleetOptions, type SshTarget, sshTarget } from '@edge-run/master/ssh';
import { EdgeError, Secret } from '@edge-run/shared/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSlowLine } from '../../support/slow-line.ts';
import { hasSshd, makeKey, type RunningSshd, type SshdOptions, startSshd } from '../../support/sshd.ts';

describe.skipIf(!hasSshd())(
  hasSshd() ? 'ssh connections' : 'sshd (not installed: apt-get install openssh-server)',
  () => {
    let sshd: RunningSshd;
    const cleanUps: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      sshd = await startSshd();
    });
    afterAll(() => sshd?.stop());
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    });

    const targetOf = (server: RunningSshd, more: Partial<SshTarget> = {}): SshTarget =>
      sshTarget({
        id: 'web1',
        host: server.host,
        port: server.port,
        user: server.user,
        keyFiles: [server.keyFile],
        connectTimeoutMs: 10_000,
        ...more,
      });
    const fleetOf = (roster: readonly SshTarget[], more: Partial<SshFleetOptions> = {}): SshFleet => {
      const fleet = createSshFleet({ roster, hostKeys: { files: [sshd.knownHostsFile] }, ...more });
      cleanUps.push(() => fleet.close());
      return fleet;
    };
    const another = async (options: SshdOptions): Promise<RunningSshd> => {
      const server = await startSshd(options);
      cleanUps.push(() => server.stop());
      return server;
    };
    const failure = async (fleet: SshFleet): Promise<EdgeError> => {
      const error: unknown = await fleet.host('web1').then(
        () => new Error('it connected'),
        (reason: unknown) => reason,
      );
      if (!(error instanceof EdgeError)) throw error;
      expect(error.hint).toBeTruthy();
      return error;
    };

    describe('each failure has its own code', () => {
      it('refused', async () => {
        const server = createServer().listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as { port: number };
        server.close();
        await once(server, 'close');
        expect((await failure(fleetOf([targetOf(sshd, { port })]))).code).toBe('EDGE_SSH_REFUSED');
      });
      it('timed out: something listens and says nothing', async () => {
        const server = createServer(() => {}).listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as { port: number };
        cleanUps.push(async () => void server.close());
        const error = await failure(fleetOf([targetOf(sshd, { port, connectTimeoutMs: 300 })]));
        expect(error.code).toBe('EDGE_SSH_TIMED_OUT');
      });
      it('not an SSH server', async () => {
        const server = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
          0,
          '127.0.0.1',
        );
        await once(server, 'listening');
        const { port } = server.address() as { port: number };
        cleanUps.push(async () => void server.close());
        const error = await failure(fleetOf([targetOf(sshd, { port, connectTimeoutMs: 600 })]));
        expect(error.code).toBe('EDGE_SSH_HANDSHAKE_FAILED');
      });
      it('unknown name', async () => {
        const error = await failure(fleetOf([targetOf(sshd, { host: 'no-such-host.invalid' })]));
        expect(error.code).toBe('EDGE_SSH_NAME_UNKNOWN');
      });
      it('wrong credentials: lists what was tried', async () => {
        const keyFile = join(sshd.directory, 'stranger');
        await makeKey(keyFile);
        const error = await failure(fleetOf([targetOf(sshd, { keyFiles: [keyFile] })]));
        expect(error).toMatchObject({ code: 'EDGE_SSH_AUTH_FAILED', details: { tried: [`key ${keyFile}`] } });
      });
      it('a key file that is not there, and one that needs a passphrase', async () => {
        const missing = await failure(fleetOf([targetOf(sshd, { keyFiles: ['/nowhere/key'] })]));
        expect(missing.code).toBe('EDGE_SSH_KEY_UNUSABLE');
        const keyFile = join(sshd.directory, 'locked');
        await makeKey(keyFile, 'open sesame');
        const locked = await failure(fleetOf([targetOf(sshd, { keyFiles: [keyFile] })]));
        expect(locked).toMatchObject({ code: 'EDGE_SSH_KEY_UNUSABLE', hint: expect.stringContaining('priv_passwd') });
        await appendFile(join(sshd.directory, 'authorized_keys'), await readFile(`${keyFile}.pub`));
        const fleet = fleetOf([targetOf(sshd, { keyFiles: [keyFile], passphrase: new Secret('open sesame') })]);
        expect((await (await fleet.host('web1')).exec(['echo', 'in'])).stdout).toBe('in\n');
      });
      it('an id that is not in the roster: with a suggestion', async () => {
        const error: unknown = await fleetOf([targetOf(sshd)])
          .host('web11')
          .catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: 'EDGE_SSH_NO_SUCH_HOST', hint: expect.stringContaining('`web1`') });
      });
      it('no shell: a ForceCommand that ends at once', async () => {
        const server = await another({ config: ['ForceCommand /bin/false'] });
        const fleet = fleetOf([targetOf(server)], { hostKeys: { files: [server.knownHostsFile] } });
        const host = await fleet.host('web1');
        await expect(host.probe(['true'])).rejects.toMatchObject({ code: 'EDGE_SSH_SESSION_REFUSED' });
      });
    });

    describe('host keys', () => {
      it('unknown: refused, with the fingerprint', async () => {
        const error = await failure(fleetOf([targetOf(sshd)], { hostKeys: { files: [join(sshd.directory, 'none')] } }));
        expect(error.code).toBe('EDGE_SSH_HOST_KEY_UNKNOWN');
        expect(error.message).toContain(sshd.fingerprint);
      });
      it('accept-new: takes an unknown key, writes it down, and refuses another one afterwards', async () => {
        const file = join(sshd.directory, 'accepted');
        const hostKeys = { files: [file], mode: 'accept-new' } as const;
        await fleetOf([targetOf(sshd)], { hostKeys }).host('web1');
        await fleetOf([targetOf(sshd)], { hostKeys: { files: [file] } }).host('web1');
        const other = await another({});
        const [, type, key] = (await readFile(other.knownHostsFile, 'utf8')).trim().split(' ');
        await writeFile(file, `[127.0.0.1]:${sshd.port} ${type} ${key}\n`);
        const error = await failure(fleetOf([targetOf(sshd)], { hostKeys }));
        expect(error.code).toBe('EDGE_SSH_HOST_KEY_CHANGED');
        expect(error.message).toContain(sshd.fingerprint);
        expect(error.message).toContain(other.fingerprint);
      });
      it('hashed names, and a revoked key', async () => {
        const file = join(sshd.directory, 'hashed');
        await writeFile(file, await readFile(sshd.knownHostsFile));
        spawnSync('ssh-keygen', ['-q', '-H', '-f', file]);
        expect(await readFile(file, 'utf8')).toMatch(/^\|1\|/);
        await fleetOf([targetOf(sshd)], { hostKeys: { files: [file] } }).host('web1');
        const [, type, key] = (await readFile(sshd.knownHostsFile, 'utf8')).trim().split(' ');
        await appendFile(file, `@revoked * ${type} ${key}\n`);
        const error = await failure(fleetOf([targetOf(sshd)], { hostKeys: { files: [file], mode: 'accept-new' } }));
        expect(error.code).toBe('EDGE_SSH_HOST_KEY_REVOKED');
      });
    });

    describe('one connection, kept', () => {
      it('is shared by everybody who asks at once', async () => {
        const server = await another({});
        const fleet = fleetOf([targetOf(server)], { hostKeys: { files: [server.knownHostsFile] } });
        const hosts = await Promise.all(Array.from({ length: 10 }, () => fleet.host('web1')));
        expect(new Set(hosts).size).toBe(1);
        const ports = await Promise.all(
          hosts.map((host) => host.exec(['sh', '-c', 'ps -o ppid= -p $(ps -o sid= -p $$)'])),
        );
        expect(new Set(ports.map(({ stdout }) => stdout.trim())).size).toBe(1);
      });
      it('a command that is cut off is EDGE_SSH_CONNECTION_LOST, and the next one connects again', async () => {
        const server = await another({});
        const fleet = fleetOf([targetOf(server)], { hostKeys: { files: [server.knownHostsFile] } });
        const host = await fleet.host('web1');
        const running = host.exec(['sh', '-c', 'echo begun; sleep 20']).catch((error: unknown) => error);
        await host.probe(['true']);
        await new Promise((resolve) => setTimeout(resolve, 500));
        server.dropConnections();
        expect(await running).toMatchObject({
          code: 'EDGE_SSH_CONNECTION_LOST',
          hint: expect.stringContaining('web1'),
        });
        expect((await host.exec(['echo', 'again'])).stdout).toBe('again\n');
      });
      it('a command that only looks is asked again', async () => {
        const server = await another({});
        const fleet = fleetOf([targetOf(server)], { hostKeys: { files: [server.knownHostsFile] } });
        const host = await fleet.host('web1');
        await host.probe(['true']);
        const looking = host.probe(['sh', '-c', 'sleep 1; echo seen']);
        await new Promise((resolve) => setTimeout(resolve, 300));
        server.dropConnections();
        expect((await looking).stdout).toBe('seen\n');
      });
      it('a shell that ends under a command that looks does not matter', async () => {
        const host = await fleetOf([targetOf(sshd)]).host('web1');
        expect((await host.probe(['sh', '-c', 'if [ -t 9 ]; then :; fi; echo alive'])).stdout).toBe('alive\n');
        await host.probe(['sh', '-c', 'kill -9 $PPID; sleep 0.1']).catch((error: unknown) => error);
        expect((await host.probe(['echo', 'still'])).stdout).toBe('still\n');
      });
      it('a shell that dies under a command that may have changed something: the outcome is unknown', async () => {
        const host = await fleetOf([targetOf(sshd)]).host('web1');
        const line = 'echo begun; kill -9 0';
        await expect(host.exec(['sh', '-c', line])).rejects.toMatchObject({ code: 'EDGE_SSH_CONNECTION_LOST' });
        await expect(host.exec(['sh', '-c', 'kill -9 $PPID; sleep 1'])).rejects.toMatchObject({
          code: 'EDGE_SSH_CONNECTION_LOST',
        });
        expect((await host.exec(['echo', 'next'])).stdout).toBe('next\n');
      });
      it('a line that goes silent is noticed, and others go on meanwhile', async () => {
        const line = await startSlowLine(sshd.port);
        cleanUps.push(() => line.close());
        const known = (await readFile(sshd.knownHostsFile, 'utf8')).trim().split(' ');
        const file = join(sshd.directory, 'known-line');
        await writeFile(file, `${known.join(' ')}\n[127.0.0.1]:${line.port} ${known[1]} ${known[2]}\n`);
        const roster = [
          targetOf(sshd, { id: 'dies', port: line.port, connectTimeoutMs: 1_000 }),
          targetOf(sshd, { id: 'lives' }),
        ];
        const fleet = fleetOf(roster, { hostKeys: { files: [file] }, keepAlive: { intervalMs: 500, missed: 2 } });
        const [dies, lives] = await Promise.all([fleet.host('dies'), fleet.host('lives')]);
        await Promise.all([dies.exec(['true']), lives.exec(['true'])]);
        line.freeze();
        const order: string[] = [];
        const silent = dies.exec(['true']).catch((error: unknown) => error);
        await Promise.all([
          silent.then(() => order.push('dies')),
          lives.exec(['true']).then(() => order.push('lives')),
        ]);
        expect(order).toEqual(['lives', 'dies']);
        expect(await silent).toMatchObject({ code: 'EDGE_SSH_CONNECTION_LOST' });
        await expect(dies.exec(['true'])).rejects.toMatchObject({ code: 'EDGE_SSH_TIMED_OUT' });
      });
      it('probe: its deadline kills what runs, and the next one answers', async () => {
        const host = await fleetOf([targetOf(sshd)]).host('web1');
        const slow = host.probe(['sleep', '4711'], { timeoutMs: 300 });
        await expect(slow).rejects.toMatchObject({ code: 'EDGE_DEADLINE' });
        expect((await host.probe(['echo', 'next'])).stdout).toBe('next\n');
        expect((await host.exec(['sh', '-c', 'ps -eo args | grep -c "[s]leep 4711"'])).stdout.trim()).toBe('0');
      });
      it('probe: answers as exec does: codes, both streams, missing newline, bytes, limits', async () => {
        const host = await fleetOf([targetOf(sshd)]).host('web1');
        for (const look of [host.probe.bind(host), host.exec.bind(host)]) {
          expect(await look(['sh', '-c', 'printf out; printf err >&2; exit 3'])).toMatchObject({
            exitCode: 3,
            stdout: 'out',
            stderr: 'err',
          });
          expect((await look(['sh', '-c', 'kill -KILL $$'])).exitCode).toBe(137);
          expect((await look(['cat'])).stdout).toBe('');
          const bytes = await look(['head', '-c', '100000', '/dev/urandom']);
          expect(bytes.stdoutBytes).toHaveLength(100_000);
          const cut = await look(['sh', '-c', 'yes | head -c 300000'], { maxOutputBytes: 1_000 });
          expect(cut.stdoutBytes).toHaveLength(1_000);
          expect(cut.truncated).toBe(true);
          await expect(look(['edge-no-such-program'])).rejects.toMatchObject({ code: 'EDGE_COMMAND_NOT_FOUND' });
          await expect(look(['true'], { cwd: '/no/such/place' })).rejects.toMatchObject({
            code: 'EDGE_FILE_NOT_FOUND',
          });
        }
      });
      it('probe: fifty at once do not mix', async () => {
        const host = await fleetOf([targetOf(sshd)]).host('web1');
        const all = await Promise.all(
          Array.from({ length: 50 }, (_, index) => host.probe(['sh', '-c', 'echo "$1"; exit $1', 'sh', String(index)])),
        );
        expect(all.map(({ stdout, exitCode }) => `${stdout.trim()} ${exitCode}`)).toEqual(
          Array.from({ length: 50 }, (_, index) => `${index} ${index}`),
        );
      });
    });

    describe('servers with limits', () => {
      it('MaxSessions 1: everything still works, one after the other', async () => {
        const server = await another({ config: ['MaxSessions 1'] });
        const fleet = fleetOf([targetOf(server)], { hostKeys: { files: [server.knownHostsFile] } });
        const host = await fleet.host('web1');
        const answers = await Promise.all([
          host.probe(['echo', 'a']),
          host.exec(['echo', 'b']),
          host.exec(['echo', 'c']),
          host.probe(['echo', 'd']),
        ]);
        expect(answers.map(({ stdout }) => stdout)).toEqual(['a\n', 'b\n', 'c\n', 'd\n']);
      });
      it('MaxSessions 1: a command that is out of time is ended all the same', async () => {
        const server = await another({ config: ['MaxSessions 1'] });
        const fleet = fleetOf([targetOf(server)], { hostKeys: { files: [server.knownHostsFile] } });
        const host = await fleet.host('web1');
        await expect(host.exec(['sleep', '4715'], { timeoutMs: 700 })).rejects.toMatchObject({ code: 'EDGE_DEADLINE' });
        expect((await host.exec(['sh', '-c', 'ps -eo args | grep -c "[s]leep 4715"'])).stdout.trim()).toBe('0');
      });
      it('MaxSessions: all of them busy, and more that wait; large files in between', async () => {
        const server = await another({ config: ['MaxSessions 4'] });
        const fleet = fleetOf([targetOf(server)], { hostKeys: { files: [server.knownHostsFile] } });
        const host = await fleet.host('web1');
        const large = new Uint8Array(200_000).fill(7);
        const path = join(server.directory, 'large');
        const [answers] = await Promise.all([
          Promise.all(
            Array.from({ length: 12 }, (_, index) => host.exec(['sh', '-c', 'sleep 0.2; echo $1', 'sh', `${index}`])),
          ),
          host.writeFile(path, large, { mode: 0o600 }),
          Promise.all(Array.from({ length: 100 }, () => host.stat(server.directory))),
        ]);
        expect(answers.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 12 }, (_, index) => index));
        expect(await host.readFile(path)).toHaveLength(large.length);
      });
      it('MaxStartups: handshakes the server drops are tried again', async () => {
        const server = await another({ config: ['MaxStartups 2:100:2'] });
        const roster = Array.from({ length: 20 }, (_, index) => targetOf(server, { id: `h${index}` }));
        const fleet = fleetOf(roster, { hostKeys: { files: [server.knownHostsFile] } });
        const answers = await Promise.all(
          roster.map(async ({ id }) => (await (await fleet.host(id)).probe(['echo', id])).stdout.trim()),
        );
        expect(answers).toEqual(roster.map(({ id }) => id));
      });
    });

    describe('jump hosts', () => {
      it('goes through one, and many at once do not wait for each other', async () => {
        const behind = await another({});
        const roster = [
          targetOf(sshd, { id: 'jump' }),
          ...Array.from({ length: 5 }, (_, index) => targetOf(behind, { id: `b${index}`, proxyJump: ['jump'] })),
        ];
        const hostKeys = { files: [sshd.knownHostsFile, behind.knownHostsFile] };
        const fleet = fleetOf(roster, { hostKeys, maxHandshakes: 1 });
        const answers = await Promise.all(
          roster.map(async ({ id }) => (await (await fleet.host(id)).exec(['sh', '-c', 'echo "$1"', 'sh', id])).stdout),
        );
        expect(answers).toEqual(roster.map(({ id }) => `${id}\n`));
      });
      it('a server behind one that drops handshakes', async () => {
        const behind = await another({ config: ['MaxStartups 2:100:2'] });
        const roster = [
          targetOf(sshd, { id: 'jump' }),
          ...Array.from({ length: 12 }, (_, index) => targetOf(behind, { id: `b${index}`, proxyJump: ['jump'] })),
        ];
        const fleet = fleetOf(roster, { hostKeys: { files: [sshd.knownHostsFile, behind.knownHostsFile] } });
        const answers = await Promise.all(
          roster.map(async ({ id }) => (await (await fleet.host(id)).exec(['echo', id])).stdout),
        );
        expect(answers).toEqual(roster.map(({ id }) => `${id}\n`));
      });
      it('a circle is an error and no endless way', async () => {
        const roster = [
          targetOf(sshd, { id: 'web1', proxyJump: ['b'] }),
          targetOf(sshd, { id: 'b', proxyJump: ['web1'] }),
        ];
        expect((await failure(fleetOf(roster))).code).toBe('EDGE_CONFIG_INVALID');
      });
      it('a jump host that is down is named', async () => {
        const server = createServer().listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as { port: number };
        server.close();
        await once(server, 'close');
        const roster = [targetOf(sshd, { id: 'jump', port }), targetOf(sshd, { id: 'web1', proxyJump: ['jump'] })];
        const error = await failure(fleetOf(roster));
        expect(error.code).toBe('EDGE_SSH_REFUSED');
        expect(error.message).toContain('jump');
      });
    });
  },
);
