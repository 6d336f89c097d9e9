import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSshFleet, type SshTarget, sshTarget } from '@edge-run/master/ssh';
import { describe } from 'vitest';
import { makeBusyboxRoot, noBusyboxReason } from '../support/busybox.ts';
import { hasSshd, noPrivateEtcReason, type SshdOptions, startSshd } from '../support/sshd.ts';
import { describeHostConformance, type HostUnderTest, startEcho } from './host.ts';

const noSshd = hasSshd() ? undefined : 'sshd is not installed: apt-get install openssh-server';
const isRoot = process.getuid?.() === 0;

/** This machine over SSH, as the user of the tests or as the roster says, with a directory of its own. */
async function overSsh(sshd: SshdOptions, roster: Partial<SshTarget> = {}): Promise<HostUnderTest> {
  const server = await startSshd(sshd);
  const { host, port, user, keyFile, knownHostsFile } = server;
  const target = sshTarget({ id: 'ssh', host, port, user, keyFiles: [keyFile], ...roster });
  const fleet = createSshFleet({ roster: [target], hostKeys: { files: [knownHostsFile] } });
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-ssh-host-')));
  const echo = await startEcho();
  return {
    host: await fleet.host('ssh'),
    dir,
    // `www-data` is on every Debian; as anybody but root there is no second user to become.
    ...(isRoot ? { otherUser: { name: 'www-data', uid: 33, groups: ['www-data'] } } : {}),
    // The socket is open to the user of the tests only.
    ...(target.user === user ? { echo } : {}),
    dispose: async () => {
      await fleet.close();
      await echo.close();
      await server.stop();
      await rm(dir, { recursive: true });
    },
  };
}

describe.skipIf(noSshd !== undefined)(`sshd ${noSshd ?? ''}`, () => {
  describeHostConformance('SshHost, sshd on loopback', () => overSsh({}));
});

const noSudo = noSshd ?? noPrivateEtcReason() ?? (existsSync('/usr/bin/sudo') ? undefined : 'sudo is not installed');
const SUDO_USER = `
useradd -M -d /tmp -s /bin/sh edge-free; echo edge-free:right | chpasswd
mkdir -p /etc/sudoers.d
echo 'edge-free ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/edge
chmod 440 /etc/sudoers.d/edge`;

describe.skipIf(noSudo !== undefined)(`sudo, and a server without file transfer ${noSudo ?? ''}`, () => {
  describeHostConformance('SshHost, sudo and no sftp', () =>
    overSsh({ privateEtc: SUDO_USER, sftp: false }, { user: 'edge-free', sudo: true }),
  );
});

const noBusybox = noSshd ?? noBusyboxReason();

describe.skipIf(noBusybox !== undefined)(`busybox ${noBusybox ?? ''}`, () => {
  describeHostConformance('SshHost, a host with nothing but busybox', async () => {
    const root = makeBusyboxRoot();
    const config = [`ForceCommand exec chroot ${root.path} /bin/sh -c "$SSH_ORIGINAL_COMMAND"`];
    const server = await startSshd({ config });
    const { host, port, user, keyFile, knownHostsFile } = server;
    const target = sshTarget({ id: 'busybox', host, port, user, keyFiles: [keyFile] });
    const fleet = createSshFleet({ roster: [target], hostKeys: { files: [knownHostsFile] } });
    const under = await fleet.host('busybox');
    await under.exec(['mkdir', '/tmp/conformance']);
    return {
      host: under,
      dir: '/tmp/conformance',
      dispose: async () => {
        await fleet.close();
        await server.stop();
        root.remove();
      },
    };
  });
});
