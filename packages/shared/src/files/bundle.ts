import { createHash } from 'node:crypto';
import type { FileEntry } from './contract.ts';
import { comparePaths } from './uri.ts';

/** `sha256:<hex>` of a set of files: their paths, digests and modes, in whatever order they come. */
export function bundleDigest(files: Iterable<FileEntry>): string {
  const hash = createHash('sha256');
  for (const { path, digest, mode } of [...files].sort((a, b) => comparePaths(a.path, b.path))) {
    hash.update(`${path}\0${digest}\0${mode.toString(8)}\n`);
  }
  return `sha256:${hash.digest('hex')}`;
}
