import { createHash } from 'node:crypto';
import type { Decryptor } from './contract.ts';

/** Plain texts kept, at most. */
const MAX_KEPT = 1_000;

/** A decryptor that decrypts each text once: the pillars of a thousand hosts hold the same few messages. */
export function remembering(decryptor: Decryptor): Decryptor {
  const kept = new Map<string, Promise<Uint8Array>>();
  return {
    ...decryptor,
    decrypt(armored, signal) {
      const key = createHash('sha256').update(armored).digest('base64');
      const known = kept.get(key);
      if (known !== undefined) {
        kept.delete(key);
        kept.set(key, known);
        return known;
      }
      const plain = decryptor.decrypt(armored, signal);
      kept.set(key, plain);
      if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
      // What failed is tried again: the key may have been added meanwhile.
      plain.catch(() => kept.delete(key));
      return plain;
    },
  };
}
