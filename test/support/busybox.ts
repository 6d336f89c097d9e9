import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));

/** Why there can be no root with nothing but busybox here; undefined: there can. */
export function noBusyboxReason(): string | undefined {
  if (BUSYBOX === undefined) return 'busybox is not installed: apt-get install busybox';
  return process.getuid?.() === 0 ? undefined : 'needs root for chroot';
}

/** A root file system with busybox and nothing else: its `sh` is ash, its `stat` is not GNU's. */
export function makeBusyboxRoot(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'edge-busybox-'));
  const program = BUSYBOX!;
  for (const directory of ['bin', 'tmp', 'etc', 'dev', 'root']) mkdirSync(join(path, directory), { recursive: true });
  execFileSync('chmod', ['755', path]);
  copyFileSync(program, join(path, 'bin/busybox'));
  const { stdout: libraries } = spawnSync('ldd', [program], { encoding: 'utf8' });
  for (const library of libraries.match(/\/\S+/g) ?? []) {
    mkdirSync(dirname(join(path, library)), { recursive: true });
    copyFileSync(library, join(path, library));
  }
  const applets = execFileSync(program, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(path, 'bin', applet));
  if (readlinkSync(join(path, 'bin/sh')) !== 'busybox') throw new Error('sh is not busybox');
  writeFileSync(join(path, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(path, 'etc/group'), 'root:x:0:\n');
  execFileSync('mknod', ['-m', '666', join(path, 'dev/null'), 'c', '1', '3']);
  execFileSync('mknod', ['-m', '666', join(path, 'dev/urandom'), 'c', '1', '9']);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
