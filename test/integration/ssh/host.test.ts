import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSshFleet, sshTarget } from '@edge-run/master/ssh';
import { describe } from 'vitest';
import { describeHostConformance, startEcho } from '../../conformance/host.ts';
import { makeBusyboxRoot, noBusyboxReason } from '../../support/busybox.ts';
import { hasSshd, startSshd } from '../../support/sshd.ts';

describe.skipIf(!hasSshd())(hasSshd() ? 'sshd' : 'sshd (not installed: apt-get install openssh-server)', () => {
  describeHostConformance('SshHost, sshd on loopback', async () => {
    const sshd = await startSshd();
    const target = sshTarget({
      id: 'ssh',
      host: sshd.host,
      port: sshd.port,
      user: sshd.user,
      keyFiles: [sshd.keyFile],
    });
    const fleet = createSshFleet({ roster: [target], hostKeys: { files: [sshd.knownHostsFile] } });
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-ssh-host-')));
    const echo = await startEcho();
    return {
      host: await fleet.host('ssh'),
      dir,
      // `www-data` is on every Debian; as anybody but root there is no second user to become.
      ...(process.getuid?.() === 0 ? { otherUser: { name: 'www-data', uid: 33, groups: ['www-data'] } } : {}),
      echo,
      dispose: async () => {
        await fleet.close();
        await echo.close();
        await sshd.stop();
        await rm(dir, { recursive: true });
      },
    };
  });
});

const noBusybox = hasSshd() ? noBusyboxReason() : 'no sshd';

describe.skipIf(noBusybox !== undefined)(`busybox ${noBusybox ?? ''}`, () => {
  describeHostConformance(
    'SshHost, a host with nothing but busybox',
    async () => {
      const root = makeBusyboxRoot();
      const config = [`ForceCommand exec chroot ${root.path} /bin/sh -c "$SSH_ORIGINAL_COMMAND"`];
      const sshd = await startSshd({ config });
      const { host, port, user, keyFile, knownHostsFile } = sshd;
      const target = sshTarget({ id: 'busybox', host, port, user, keyFiles: [keyFile] });
      const fleet = createSshFleet({ roster: [target], hostKeys: { files: [knownHostsFile] } });
      const under = await fleet.host('busybox');
      await under.exec(['mkdir', '/tmp/conformance']);
      return {
        host: under,
        dir: '/tmp/conformance',
        dispose: async () => {
          await fleet.close();
          await sshd.stop();
          root.remove();
        },
      };
    },
    {
      // The directory of the test is inside the other root; the environment names no /usr/bin of ours.
    },
  );
});
