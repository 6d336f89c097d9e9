import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fingerprint, type KeyPair, publicKeyKind, verifyBody } from '@edge-run/shared/bus';
import { type Clock, EdgeError, type Logger, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { type KnockAnswer, knockMessage } from '@edge-run/shared/protocol';
import picomatch from 'picomatch';
import { type ExternalAccount, openAuthority } from './authority.ts';
import { KEY_STATES, type KeyEntry, type KeyState, KeyStore, type TokenEntry } from './key-store.ts';

/** One minion key, as listed. */
export interface ListedKey {
  readonly id: string;
  readonly state: KeyState;
  readonly publicKey: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
  readonly knockedAt: number;
  readonly changedAt: number;
  readonly changedBy?: string;
}

/** Whom a new join token is to let in. */
export interface TokenRequest {
  readonly name: string;
  /** Glob of the ids it lets in. Default `*`. */
  readonly ids?: string;
  /** Default one hour. */
  readonly validForMs?: number;
  /** How many minions it lets in. Default 1. */
  readonly uses?: number;
}

/** Where the keys of an installation lie, and who is told of changes. */
export interface KeyringOptions {
  readonly dir: string;
  readonly clock?: Clock;
  readonly log?: Logger;
  /** For a server somebody else runs. */
  readonly external?: ExternalAccount;
  /** Brings a new account JWT to the server; absent where the server is not ours to tell. */
  readonly pushAccount?: (jwt: string) => Promise<void>;
  /** Called when the answer to a key that knocked has changed, so that it is told at once. */
  readonly onAnswer?: (publicKey: string, answer: KnockAnswer) => void;
}

/** Who may join, and the credentials of those who did. */
export interface Keyring {
  readonly jobSigner: KeyPair;
  readonly account: string;
  /** What a managed server is started with. */
  trust(): {
    readonly operatorJwt: string;
    readonly systemAccount: string;
    readonly accounts: ReadonlyMap<string, string>;
  };
  /** The public credential minions knock with. */
  knockJwt(): string;
  list(): Promise<readonly ListedKey[]>;
  /** Fingerprint of every key of an id. */
  finger(id: string): Promise<readonly ListedKey[]>;
  /**
   * Lets the pending (or rejected) key of an id in. @throws EdgeError `EDGE_KEY_UNKNOWN`; `EDGE_NOT_ALLOWED` when
   * another key has the id already
   */
  accept(id: string, by?: string): Promise<ListedKey>;
  /** Refuses the id; a key that was accepted is revoked and disconnected. @throws EdgeError `EDGE_KEY_UNKNOWN` */
  reject(id: string, by?: string): Promise<void>;
  /** Forgets the id, as if it had never knocked; a key that was accepted is revoked. @throws EdgeError `EDGE_KEY_UNKNOWN` */
  delete(id: string): Promise<void>;
  /** A secret that lets minions in without anybody's help; shown once. */
  createToken(request: TokenRequest): Promise<{ readonly token: string; readonly entry: TokenEntry }>;
  listTokens(): Promise<readonly TokenEntry[]>;
  deleteToken(name: string): Promise<void>;
  /** Judges a knock; undefined for one that deserves no answer (malformed, or not signed by the key it asks for). */
  onKnock(publicKey: string, body: unknown): Promise<KnockAnswer | undefined>;
  /** Whose key it is; undefined when it is not accepted. */
  idOf(publicKey: string): string | undefined;
  /** The ids that are accepted, sorted. */
  accepted(): readonly string[];
  operatorCreds(name: string): string;
  masterCreds(name: string): string;
  systemCreds(name: string): string;
}

const HOUR_MS = 3_600_000;
/** More unknown keys than this are not remembered: the credential to knock is public. */
const MAX_WAITING = 10_000;

/** Opens (or makes) the keyring of a directory. */
export async function createKeyring(options: KeyringOptions): Promise<Keyring> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLogger;
  const authority = await openAuthority(join(options.dir, 'authority'), clock, options.external);
  const store = new KeyStore(join(options.dir, 'minions'));
  await store.prepare();
  const revoked = await store.revocations();
  /** Public key → entry, per state; the directory is the truth, this is its index. */
  const index = new Map<KeyState, Map<string, KeyEntry>>();
  for (const state of KEY_STATES) {
    index.set(state, new Map((await store.keys(state)).map((entry) => [entry.publicKey, entry])));
  }
  let turn: Promise<unknown> = Promise.resolve();
  /** One change at a time. */
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work);
    turn = next.catch(() => undefined);
    return next;
  };
  const entriesOf = (id: string): readonly (readonly [KeyState, KeyEntry])[] =>
    KEY_STATES.flatMap((state) =>
      [...index.get(state)!.values()].filter((entry) => entry.id === id).map((entry) => [state, entry] as const),
    );
  const stateOf = (publicKey: string): KeyState | undefined =>
    KEY_STATES.find((state) => index.get(state)!.has(publicKey));
  const put = async (state: KeyState, entry: KeyEntry): Promise<void> => {
    const before = stateOf(entry.publicKey);
    await store.putKey(state, entry);
    if (before !== undefined && before !== state) await remove(before, entry.publicKey);
    index.get(state)!.set(entry.publicKey, entry);
  };
  const remove = async (state: KeyState, publicKey: string): Promise<void> => {
    await store.removeKey(state, publicKey);
    index.get(state)!.delete(publicKey);
  };
  const revoke = async (publicKey: string): Promise<void> => {
    revoked.set(publicKey, clock.now());
    await store.putRevocations(revoked);
    if (options.pushAccount === undefined) {
      log.warn(
        `the server does not know that ${publicKey} is revoked: whoever runs it must add that to the account ` +
          `(nsc revocations add-user --account NAME --user-public-key ${publicKey}; nsc push)`,
        { publicKey },
      );
    } else {
      await options.pushAccount(authority.accountJwt(revoked));
    }
  };
  const answerFor = (state: KeyState, entry: KeyEntry): KnockAnswer => {
    const print = fingerprint(entry.publicKey);
    switch (state) {
      case 'accepted': {
        // A login must be younger than the last revocation of its key; JWTs count in seconds.
        const issuedAt = Math.max(clock.now(), (revoked.get(entry.publicKey) ?? 0) + 1_000);
        const jwt = authority.minionJwt(entry.id, entry.publicKey, issuedAt);
        return { status: 'accepted', id: entry.id, jwt, signers: [authority.jobSigner.publicKey] };
      }
      case 'denied':
        return { status: 'denied', fingerprint: print, reason: `another key has the id ${entry.id}` };
      default:
        return { status: state, fingerprint: print };
    }
  };
  const listed = (state: KeyState, entry: KeyEntry): ListedKey => ({
    ...entry,
    state,
    fingerprint: fingerprint(entry.publicKey),
  });
  const known = (id: string): readonly (readonly [KeyState, KeyEntry])[] => {
    const entries = entriesOf(id);
    if (entries.length > 0) return entries;
    throw new EdgeError(
      'EDGE_KEY_UNKNOWN',
      `no key of '${id}' is known`,
      { id },
      {
        hint: 'See all keys with: edge-run keys ls. A minion appears once it has knocked.',
      },
    );
  };
  const admit = async (entry: KeyEntry, by: string): Promise<ListedKey> => {
    const changed = { ...entry, changedAt: clock.now(), changedBy: by };
    await put('accepted', changed);
    options.onAnswer?.(entry.publicKey, answerFor('accepted', changed));
    return listed('accepted', changed);
  };
  const redeem = async (id: string, token: string): Promise<string | undefined> => {
    const digest = tokenDigest(token);
    const entry = (await store.tokens()).find((candidate) => candidate.digest === digest);
    if (entry === undefined || entry.expiresAt < clock.now() || entry.usesLeft < 1) return undefined;
    if (!picomatch.isMatch(id, entry.ids, { nonegate: true, dot: true })) return undefined;
    await store.putToken({ ...entry, usesLeft: entry.usesLeft - 1 });
    return entry.name;
  };
  const judge = async (id: string, publicKey: string, token: string | undefined): Promise<KnockAnswer | undefined> => {
    const now = clock.now();
    const state = stateOf(publicKey);
    const entry = state === undefined ? undefined : index.get(state)!.get(publicKey)!;
    const fresh: KeyEntry = { id, publicKey, knockedAt: entry?.knockedAt ?? now, changedAt: now };
    const holder = entriesOf(id).find(([other, { publicKey: key }]) => other === 'accepted' && key !== publicKey);
    if (state === 'accepted' && entry!.id === id) return answerFor('accepted', entry!);
    if (state === 'accepted') {
      log.warn(`the key of ${entry!.id} asks to be ${id}: refused`, { id, known: entry!.id });
      return { status: 'denied', fingerprint: fingerprint(publicKey), reason: `this key is known as ${entry!.id}` };
    }
    if (holder !== undefined) {
      const print = fingerprint(publicKey);
      log.warn(`somebody with another key says to be ${id}: blocked`, {
        id,
        fingerprint: print,
        accepted: fingerprint(holder[1].publicKey),
      });
      if (state !== 'denied') await put('denied', fresh);
      return answerFor('denied', fresh);
    }
    if (state === 'rejected') return answerFor('rejected', entry!);
    const by = token === undefined ? undefined : await redeem(id, token);
    if (by !== undefined) {
      log.info(`${id} was let in by join token ${by}`, { id, token: by });
      await admit(fresh, `token:${by}`);
      return answerFor('accepted', fresh);
    }
    if (token !== undefined) log.warn(`${id} knocked with a join token that is not valid for it`, { id });
    if (state !== 'pending' || entry!.id !== id) {
      if (index.get('pending')!.size >= MAX_WAITING) {
        log.warn('too many unknown keys are waiting: a knock was not remembered', { id });
        return undefined;
      }
      await put('pending', fresh);
      log.info(`${id} asks to be let in: ${fingerprint(publicKey)}`, { id });
    }
    return answerFor('pending', fresh);
  };
  return {
    jobSigner: authority.jobSigner,
    account: authority.account,
    trust: () => ({
      operatorJwt: authority.operatorJwt(),
      systemAccount: authority.systemAccount,
      accounts: new Map([
        [authority.account, authority.accountJwt(revoked)],
        [authority.systemAccount, authority.systemAccountJwt()],
      ]),
    }),
    knockJwt: () => authority.knockJwt(),
    list: async () =>
      KEY_STATES.flatMap((state) => [...index.get(state)!.values()].map((entry) => listed(state, entry))),
    finger: async (id) => known(id).map(([state, entry]) => listed(state, entry)),
    accept: (id, by = 'user') =>
      exclusively(async () => {
        const entries = known(id);
        const accepted = entries.find(([state]) => state === 'accepted');
        if (accepted !== undefined && entries.length === 1) return listed(...accepted);
        if (accepted !== undefined) {
          throw new EdgeError(
            'EDGE_NOT_ALLOWED',
            `another key of '${id}' is accepted`,
            { id },
            {
              hint: `If the host was installed anew, remove the old key first: edge-run keys delete ${id}.`,
            },
          );
        }
        const waiting = entries.filter(([state]) => state === 'pending');
        const candidates = waiting.length > 0 ? waiting : entries;
        if (candidates.length > 1) {
          throw new EdgeError(
            'EDGE_NOT_ALLOWED',
            `${candidates.length} keys ask to be '${id}'`,
            { id },
            {
              hint: `Compare fingerprints (edge-run keys finger ${id}); remove all with edge-run keys delete ${id} and let the right one knock again.`,
            },
          );
        }
        return admit(candidates[0]![1], by);
      }),
    reject: (id, by = 'user') =>
      exclusively(async () => {
        for (const [state, entry] of known(id)) {
          const changed = { ...entry, changedAt: clock.now(), changedBy: by };
          await put('rejected', changed);
          if (state === 'accepted') await revoke(entry.publicKey);
          options.onAnswer?.(entry.publicKey, answerFor('rejected', changed));
        }
      }),
    delete: (id) =>
      exclusively(async () => {
        for (const [state, entry] of known(id)) {
          await remove(state, entry.publicKey);
          if (state === 'accepted') await revoke(entry.publicKey);
        }
      }),
    createToken: ({ name, ids = '*', validForMs = HOUR_MS, uses = 1 }) =>
      exclusively(async () => {
        const token = randomBytes(24).toString('base64url');
        const now = clock.now();
        const entry = {
          name,
          digest: tokenDigest(token),
          ids,
          expiresAt: now + validForMs,
          usesLeft: uses,
          createdAt: now,
        };
        await store.putToken(entry);
        return { token, entry };
      }),
    listTokens: () => store.tokens(),
    deleteToken: (name) =>
      exclusively(async () => {
        const found = (await store.tokens()).filter((entry) => entry.name === name);
        if (found.length === 0) throw new EdgeError('EDGE_KEY_UNKNOWN', `no join token is named '${name}'`, { name });
        for (const { digest } of found) await store.removeToken(digest);
      }),
    onKnock: (publicKey, body) =>
      exclusively(async () => {
        const knock = readKnock(publicKey, body);
        if (knock === undefined) {
          log.warn('dropped a knock that is not signed by the key it asks for', { publicKey: publicKey.slice(0, 60) });
          return undefined;
        }
        return judge(knock.id, publicKey, knock.token);
      }),
    idOf: (publicKey) => index.get('accepted')!.get(publicKey)?.id,
    accepted: () => [...index.get('accepted')!.values()].map(({ id }) => id).sort(),
    operatorCreds: (name) => authority.operatorCreds(name).creds,
    masterCreds: (name) => authority.masterCreds(name),
    systemCreds: (name) => authority.systemCreds(name),
  };
}

function readKnock(
  publicKey: string,
  body: unknown,
): { readonly id: string; readonly token?: string | undefined } | undefined {
  if (publicKeyKind(publicKey) !== 'user') return undefined;
  try {
    const knock = knockMessage.safeParse(verifyBody(body, new Set([publicKey])));
    return knock.success && knock.data.publicKey === publicKey ? knock.data : undefined;
  } catch (error) {
    if (error instanceof EdgeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function tokenDigest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
