import { createHash } from 'node:crypto';

/** `sha256:<hex>` of a content: the name it goes by in lists of files, caches and journals. Text counts as UTF-8. */
export function contentDigest(content: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
