import { spawnSync } from 'node:child_process';
import { aptProvider } from '@edge-run/shared/modules/providers/pkg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realHost } from '../../support/real-host.ts';

const hasDpkg = spawnSync('dpkg-deb', ['--version']).status === 0;

describe.skipIf(!hasDpkg)('package files (skipped: no dpkg-deb)', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  beforeAll(async () => {
    real = await realHost();
    const control =
      'Package: edge-test\nVersion: 1:1.2-3\nArchitecture: all\nMaintainer: t <t@t.invalid>\nDescription: t\n';
    await real.host.exec(['mkdir', '-p', `${real.dir}/p/DEBIAN`]);
    await real.host.writeFile(`${real.dir}/p/DEBIAN/control`, new Uint8Array(Buffer.from(control)), { mode: 0o644 });
    await real.host.exec(['dpkg-deb', '--build', `${real.dir}/p`, `${real.dir}/p.deb`]);
  });
  afterAll(() => real.dispose());

  it('tell their version, on the host or handed over', async () => {
    const path = `${real.dir}/p.deb`;
    expect(await aptProvider.fileVersion(real.host, { path })).toBe('1:1.2-3');
    expect(await aptProvider.fileVersion(real.host, { content: await real.host.readFile(path) })).toBe('1:1.2-3');
  });
  it('what is none is an error that says so', async () => {
    await expect(aptProvider.fileVersion(real.host, { content: new Uint8Array(20) })).rejects.toMatchObject({
      code: 'EDGE_COMMAND_FAILED',
      hint: expect.stringContaining('.deb'),
    });
  });
});
