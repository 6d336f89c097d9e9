import type { Contents } from './contents.ts';

/** Contents that live as long as the process: for tests. */
export function createMemoryContents(): Contents {
  const kept = new Map<string, Uint8Array>();
  return {
    async keep(digest, content) {
      if (!kept.has(digest)) kept.set(digest, await content());
    },
    read: async (digest) => kept.get(digest),
  };
}
