import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSshFleet, type SshFleet, type SshHost, type SshTarget, sshTarget } from '@edge-run/master/ssh';
import { Secret } from '@edge-run/shared/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/processes.ts';
import { hasSshd, noPrivateEtcReason, type RunningSshd, startSshd } from '../../support/sshd.ts';

const reason = hasSshd() ? noPrivateEtcReason() : 'sshd is not installed: apt-get install openssh-server';
const noSudo = existsSync('/usr/bin/sudo') ? undefined : 'sudo is not installed: apt-get install sudo';

const USERS = `
for user in edge-free edge-asked edge-none edge-tty edge-tty-asked; do
  useradd -M -d /tmp -s /bin/sh $user
  echo "$user:right" | chpasswd
done
mkdir -p /etc/sudoers.d
echo 'edge-free ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/edge
echo 'edge-asked ALL=(ALL) ALL' >> /etc/sudoers.d/edge
echo 'edge-tty ALL=(ALL) NOPASSWD: ALL' >> /etc/sudoers.d/edge
echo 'edge-tty-asked ALL=(ALL) ALL' >> /etc/sudoers.d/edge
echo 'Defaults:edge-tty,edge-tty-asked requiretty' >> /etc/sudoers.d/edge
chmod 440 /etc/sudoers.d/edge`;

/** What joins the streams of shells with a terminal, of a user of this machine. */
function relaysOf(uid: number): readonly string[] {
  const { stdout } = spawnSync('ps', ['-u', String(uid), '-o', 'args='], { encoding: 'utf8' });
  const folders = readdirSync('/tmp').filter((name) => /^\.edge-[0-9a-f]{32}$/.test(name));
  return [...stdout.split('\n').filter((args) => args.includes('mkfifo')), ...folders];
}

describe.skipIf(reason !== undefined)(`ssh accounts ${reason ?? ''}`, () => {
  let sshd: RunningSshd;
  const fleets: SshFleet[] = [];
  beforeAll(async () => {
    sshd = await startSshd({
      privateEtc: USERS,
      config: ['UsePAM yes', 'PasswordAuthentication no', 'KbdInteractiveAuthentication yes'],
      match: ['Match User edge-free', 'PasswordAuthentication yes', 'KbdInteractiveAuthentication no'],
    });
  });
  afterAll(() => sshd?.stop());
  afterEach(async () => {
    for (const fleet of fleets.splice(0)) await fleet.close();
  });

  const hostOf = (more: Partial<SshTarget>, agent?: string): Promise<SshHost> => {
    const target = sshTarget({ id: 'web1', host: sshd.host, port: sshd.port, connectTimeoutMs: 15_000, ...more });
    const fleet = createSshFleet({
      roster: [target],
      hostKeys: { files: [sshd.knownHostsFile] },
      ...(agent === undefined ? {} : { credentials: { agent } }),
    });
    fleets.push(fleet);
    return fleet.host('web1');
  };
  const password = new Secret('right');
  const who = async (host: SshHost): Promise<readonly string[]> => [
    (await host.exec(['id', '-un'])).stdout.trim(),
    (await host.probe(['id', '-un'])).stdout.trim(),
  ];

  it('password', async () => {
    expect(await who(await hostOf({ user: 'edge-free', password }))).toEqual(['edge-free', 'edge-free']);
  });
  it('keyboard-interactive', async () => {
    expect(await who(await hostOf({ user: 'edge-asked', password }))).toEqual(['edge-asked', 'edge-asked']);
  });
  it('a wrong password is EDGE_SSH_AUTH_FAILED and does not show', async () => {
    const wrong = hostOf({ user: 'edge-asked', password: new Secret('wr0ng-w0rd') });
    const error: unknown = await wrong.catch((failure: unknown) => failure);
    expect(error).toMatchObject({
      code: 'EDGE_SSH_AUTH_FAILED',
      details: { tried: ['password', 'keyboard-interactive'] },
    });
    expect(JSON.stringify(error) + String(error)).not.toContain('wr0ng-w0rd');
  });
  it('agent', async () => {
    const socket = join(sshd.directory, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    for (let look = 0; look < 100 && !existsSync(socket); look += 1) await new Promise((done) => setTimeout(done, 20));
    spawnSync('ssh-add', ['-q', sshd.keyFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    try {
      expect(await who(await hostOf({ user: sshd.user }, socket))).toEqual([sshd.user, sshd.user]);
    } finally {
      const ended = once(agent, 'exit');
      agent.kill();
      await ended;
    }
  });

  describe.skipIf(noSudo !== undefined)(`sudo ${noSudo ?? ''}`, () => {
    it.each([
      ['without a password', 'edge-free', undefined],
      ['without a password although one is known, which then is not fed to the command', 'edge-free', password],
      ['with a password', 'edge-asked', password],
    ])('%s: runs everything as root', async (_title, user, known) => {
      const host = await hostOf({ user, sudo: true, keyFiles: [sshd.keyFile], ...(known ? { password: known } : {}) });
      expect(await who(host)).toEqual(['root', 'root']);
      expect((await host.exec(['cat'], { stdin: 'exactly this' })).stdout).toBe('exactly this');
      expect((await host.exec(['cat'])).stdout).toBe('');
      expect((await host.exec(['sh', '-c', 'echo "$HOME $USER"; id -un'], { runAs: 'edge-none' })).stdout).toBe(
        '/tmp edge-none\nedge-none\n',
      );
      const path = `/tmp/edge-sudo-${process.pid}`;
      await host.writeFile(path, Buffer.from('secret'), { mode: 0o600, owner: 'edge-none' });
      expect(await host.stat(path)).toMatchObject({ user: 'edge-none', mode: 0o600 });
      expect(Buffer.from(await host.readFile(path)).toString()).toBe('secret');
      await host.remove(path);
      const slow = host.exec(['sleep', '4712'], { timeoutMs: 700 });
      await expect(slow).rejects.toMatchObject({ code: 'EDGE_DEADLINE' });
      expect((await host.exec(['sh', '-c', 'ps -eo args | grep -c "[s]leep 4712"'])).stdout.trim()).toBe('0');
    });
    describe('where sudoers says `requiretty`', () => {
      const ttyHost = (user: string, more: Partial<SshTarget> = {}): Promise<SshHost> =>
        hostOf({ user, sudo: true, keyFiles: [sshd.keyFile], ...more });
      it('without a terminal: refused, and says so', async () => {
        const host = await ttyHost('edge-tty');
        await expect(host.exec(['true'])).rejects.toThrow(/must have a tty/);
      });
      it.each([
        ['without a password', 'edge-tty', undefined],
        ['with a password', 'edge-tty-asked', password],
      ])('`tty` %s: everything runs, and comes through as it is', async (_title, user, known) => {
        const host = await ttyHost(user, { tty: true, ...(known === undefined ? {} : { password: known }) });
        expect(await who(host)).toEqual(['root', 'root']);
        expect((await host.exec(['sh', '-c', ': </dev/tty && echo a terminal'])).stdout).toBe('a terminal\n');
        const streams = await host.exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
        expect(streams).toMatchObject({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
        const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256);
        expect(Buffer.compare((await host.exec(['cat'], { stdin: bytes })).stdoutBytes, bytes)).toBe(0);
        const path = `/tmp/edge-tty-${process.pid}`;
        await host.writeFile(path, bytes, { mode: 0o600, owner: 'edge-none' });
        expect(Buffer.compare(await host.readFile(path), bytes)).toBe(0);
        expect(await host.stat(path)).toMatchObject({ user: 'edge-none', mode: 0o600 });
        await host.remove(path);
        const all = Array.from({ length: 12 }, (_, index) => host.exec(['echo', String(index)]));
        expect((await Promise.all(all)).map(({ stdout }) => Number(stdout))).toEqual(all.map((_, index) => index));
        const slow = host.exec(['sleep', '4716'], { timeoutMs: 700 });
        await expect(slow).rejects.toMatchObject({ code: 'EDGE_DEADLINE' });
        expect((await host.exec(['sh', '-c', 'ps -eo args | grep -c "[s]leep 4716"'])).stdout.trim()).toBe('0');
      });
      it('`tty`: nothing stays behind, whatever ends it', async () => {
        const host = await ttyHost('edge-tty', { tty: true });
        // Given up at any point of its start, while it runs, and with input that nobody reads.
        for (const timeoutMs of [1, 5, 10, 20, 40, 60, 80, 120])
          await host.exec(['sleep', '4717'], { timeoutMs }).catch(() => undefined);
        await host.exec(['true'], { stdin: new Uint8Array(1_000_000) });
        const killed = host.exec(['sh', '-c', 'kill -9 $PPID; sleep 1'], { stdin: new Uint8Array(1_000_000) });
        await killed.catch(() => undefined);
        expect((await host.exec(['echo', 'still'])).stdout).toBe('still\n');
        for (const fleet of fleets.splice(0)) await fleet.close();
        // The name is known only to the sshd of this test.
        const uid = (await (await hostOf({ user: 'edge-tty', keyFiles: [sshd.keyFile] })).exec(['id', '-u'])).stdout;
        await eventually(() => relaysOf(Number(uid)).length === 0, 'no relay is left');
      });
      it('`tty` and a wrong password: its own code', async () => {
        const host = await ttyHost('edge-tty-asked', { tty: true, password: new Secret('wrong') });
        await expect(host.exec(['true'])).rejects.toMatchObject({ code: 'EDGE_SSH_SUDO_PASSWORD' });
      });
      it('`tty` and no rule: its own code, with what sudo says', async () => {
        const host = await ttyHost('edge-none', { tty: true, password });
        await expect(host.exec(['true'])).rejects.toMatchObject({
          code: 'EDGE_SSH_SUDO_REFUSED',
          message: expect.stringMatching(/not in the sudoers|not allowed/),
        });
      });
      it('`tty` without sudo', async () => {
        const host = await hostOf({ user: 'edge-none', keyFiles: [sshd.keyFile], tty: true });
        expect((await host.exec(['sh', '-c', ': </dev/tty && id -un'])).stdout).toBe('edge-none\n');
      });
    });
    it.each([
      ['no password known', 'edge-asked', undefined, 'EDGE_SSH_SUDO_PASSWORD'],
      ['a wrong password', 'edge-asked', new Secret('wrong'), 'EDGE_SSH_SUDO_PASSWORD'],
      ['no rule', 'edge-none', password, 'EDGE_SSH_SUDO_REFUSED'],
    ])('%s has its own code', async (_title, user, known, code) => {
      const host = await hostOf({ user, sudo: true, keyFiles: [sshd.keyFile], ...(known ? { password: known } : {}) });
      await expect(host.exec(['true'])).rejects.toMatchObject({ code });
      await expect(host.probe(['true'])).rejects.toMatchObject({ code });
    });
  });
});
