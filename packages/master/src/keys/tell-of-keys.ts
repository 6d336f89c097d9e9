import { fingerprint } from '@edge-run/shared/bus';
import { type Clock, errorMessage, type JsonValue, type Logger } from '@edge-run/shared/kernel';
import type { Keyring } from './keyring.ts';

/** What telling of keys needs. */
export interface KeyEventOptions {
  readonly keyring: Pick<Keyring, 'listen'>;
  send(tag: string, data: JsonValue): Promise<unknown>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A minion that waits asks again and again; whoever begins to wait for it later hears it within this time. */
const AGAIN_AFTER_MS = 10_000;
/** Everybody may knock: more than so many in a second are not told. */
const PER_SECOND = 100;
const KEYS_REMEMBERED = 10_000;

/**
 * Tells of keys by Salt's events: `salt/auth` when a minion asks to come in (`act`: `pend`, `accept`, `reject`, `denied`),
 * `salt/key` when somebody decides (`accept`, `reject`, `delete`). Reactors accept hosts by the first.
 */
export function tellOfKeys({ keyring, send, clock, log }: KeyEventOptions): void {
  const asked = new Map<string, { readonly act: string; readonly at: number }>();
  let second = 0;
  let told = 0;
  const isNews = (publicKey: string, act: string): boolean => {
    const now = clock.now();
    const last = asked.get(publicKey);
    if (last?.act === act && now - last.at < AGAIN_AFTER_MS) return false;
    const thisSecond = Math.floor(now / 1_000);
    told = thisSecond === second ? told + 1 : 1;
    second = thisSecond;
    if (told > PER_SECOND) return false;
    asked.delete(publicKey);
    asked.set(publicKey, { act, at: now });
    if (asked.size > KEYS_REMEMBERED) asked.delete(asked.keys().next().value!);
    return true;
  };
  keyring.listen(({ kind, id, publicKey, act }) => {
    if (kind === 'asked' && !isNews(publicKey, act)) return;
    const result = act !== 'reject' && act !== 'denied';
    const data =
      kind === 'asked'
        ? { result, act, id, pub: publicKey, finger: fingerprint(publicKey) }
        : { result: true, act, id, finger: fingerprint(publicKey) };
    send(kind === 'asked' ? 'salt/auth' : 'salt/key', data).catch((error: unknown) =>
      log.warn(`cannot tell of the key of ${id}: ${errorMessage(error)}`, { id, act }),
    );
  });
}
