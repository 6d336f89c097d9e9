import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalHost } from '@edge-run/shared/host';
import { describeHostConformance, startEcho } from './host.ts';

describeHostConformance('LocalHost', async () => {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-host-')));
  const echo = await startEcho();
  // `www-data` is on every Debian; as anybody else there is no second user to become.
  const isRoot = process.getuid?.() === 0;
  return {
    host: new LocalHost({ id: 'local' }),
    dir,
    ...(isRoot ? { otherUser: { name: 'www-data', uid: 33, groups: ['www-data'] } } : {}),
    echo,
    dispose: async () => {
      await echo.close();
      await rm(dir, { recursive: true });
    },
  };
});
