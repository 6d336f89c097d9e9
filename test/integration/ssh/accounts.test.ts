import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createSshFleet, type SshFleet, type SshHost, type SshTarget, sshTarget } from '@edge-run/master/ssh';
import { Secret } from '@edge-run/shared/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasSshd, noPrivateEtcReason, type RunningSshd, startSshd } from '../../support/sshd.ts';

const reason = hasSshd() ? noPrivateEtcReason() : 'sshd is not installed: apt-get install openssh-server';
const noSudo = existsSync('/usr/bin/sudo') ? undefined : 'sudo is not installed: apt-get install sudo';

const USERS = `
for user in edge-free edge-asked edge-none; do
  useradd -M -d /tmp -s /bin/sh $user
  echo "$user:right" | chpasswd
done
mkdir -p /etc/sudoers.d
echo 'edge-free ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/edge
echo 'edge-asked ALL=(ALL) ALL' >> /etc/sudoers.d/edge
chmod 440 /etc/sudoers.d/edge`;

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
