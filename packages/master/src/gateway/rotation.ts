import { z } from 'zod';
import { type Operation, operation } from './serve.ts';

/** Who judges new keys of known minions. */
export interface KeyRotation {
  rotate(id: string, publicKey: string, envelope: unknown): Promise<unknown>;
  finishRotation(id: string, publicKey: string): Promise<void>;
}

/** The questions of a minion that changes its key. */
export function rotationOperations(keys: KeyRotation): Readonly<Record<string, Operation>> {
  return {
    'rotate-key': operation(
      z.object({ publicKey: z.string(), envelope: z.unknown() }),
      ({ publicKey, envelope }, caller) => keys.rotate(caller.id, publicKey, envelope),
    ),
    'key-rotated': operation(z.object({ publicKey: z.string() }), async ({ publicKey }, caller) => {
      await keys.finishRotation(caller.id, publicKey);
      return true;
    }),
  };
}
