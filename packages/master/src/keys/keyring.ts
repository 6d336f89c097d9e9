import { join } from 'node:path';
import { fingerprint, type KeyPair, publicKeyKind, verifyBody } from '@edge-run/shared/bus';
import { type Clock, EdgeError, type Logger, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { type KnockAnswer, type KnockMessage, knockMessage, successionMessage } from '@edge-run/shared/protocol';
import { type ExternalAccount, openAuthority } from './authority.ts';
import { JoinTokens, type TokenRequest } from './join-tokens.ts';
import { KeyIndex } from './key-index.ts';
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
  readonly role?: string;
}

/** Something that happened to the key of a minion. */
export interface KeyEvent {
  /** `asked`: the minion asked to come in, and this is the answer; `decided`: somebody changed the state of its key. */
  readonly kind: 'asked' | 'decided';
  readonly id: string;
  readonly publicKey: string;
  readonly act: 'accept' | 'pend' | 'reject' | 'denied' | 'delete';
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
  /** Lets in whoever knocks with a key that nobody refused and an id that nobody has. */
  readonly autoAccept?: boolean;
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
  /**
   * Lets a minion have a new key beside the one it asks with; `body` is an envelope signed with the new key. Both are
   * good until `finishRotation`. @throws EdgeError `EDGE_NOT_ALLOWED`
   */
  rotate(id: string, publicKey: string, body: unknown): Promise<KnockAnswer>;
  /** The minion uses its new key: the one it replaces is revoked. Asked again, nothing happens. */
  finishRotation(id: string, publicKey: string): Promise<void>;
  /** What the join token of a minion says it is for; undefined when it was let in without. */
  roleOf(id: string): string | undefined;
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
  isAccepted(id: string): boolean;
  /** Tells of what happens to keys from now on, through this keyring. */
  listen(listener: (event: KeyEvent) => void): void;
  operatorCreds(name: string): string;
  masterCreds(name: string): string;
  systemCreds(name: string): string;
}

/** More unknown keys than this are not remembered: the credential to knock is public. */
const MAX_WAITING = 10_000;
const ACTS = { accepted: 'accept', pending: 'pend', rejected: 'reject', denied: 'denied' } as const;

/** Opens (or makes) the keyring of a directory. */
export async function createKeyring(options: KeyringOptions): Promise<Keyring> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLogger;
  const authority = await openAuthority(join(options.dir, 'authority'), clock, options.external);
  if (options.autoAccept === true)
    log.warn('auto_accept is on: whoever reaches this master can become a minion of it and read what minions may read');
  const store = new KeyStore(join(options.dir, 'minions'));
  await store.prepare();
  const revoked = await store.revocations();
  const index = await KeyIndex.open(store);
  const tokens = await JoinTokens.open(store, clock);
  const listeners: ((event: KeyEvent) => void)[] = [];
  const tell = (
    kind: KeyEvent['kind'],
    act: KeyEvent['act'],
    { id, publicKey }: Pick<KeyEntry, 'id' | 'publicKey'>,
  ) => {
    for (const listener of listeners) listener({ kind, id, publicKey, act });
  };
  let turn: Promise<unknown> = Promise.resolve();
  /** One change at a time. */
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work);
    turn = next.catch(() => undefined);
    return next;
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
        const signers = [authority.jobSigner.publicKey];
        return {
          status: 'accepted',
          id: entry.id,
          jwt,
          signers,
          ...(entry.role === undefined ? {} : { role: entry.role }),
        };
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
    const entries = index.of(id);
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
    await index.put('accepted', changed);
    options.onAnswer?.(entry.publicKey, answerFor('accepted', changed));
    return listed('accepted', changed);
  };
  const judge = async ({ id, publicKey, token, role }: KnockMessage): Promise<KnockAnswer | undefined> => {
    const now = clock.now();
    const [state, entry] = index.find(publicKey) ?? [];
    const fresh: KeyEntry = { id, publicKey, knockedAt: entry?.knockedAt ?? now, changedAt: now };
    const holder = index.of(id).find(([other, { publicKey: key }]) => other === 'accepted' && key !== publicKey);
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
      if (state !== 'denied') await index.put('denied', fresh);
      return answerFor('denied', fresh);
    }
    if (state === 'rejected') return answerFor('rejected', entry!);
    const by = token === undefined ? undefined : await tokens.redeem(id, role, token);
    if (by !== undefined) {
      log.info(`${id} was let in by join token ${by.name}`, { id, token: by.name });
      const joined = { ...fresh, ...(by.role === undefined ? {} : { role: by.role }) };
      await admit(joined, `token:${by.name}`);
      return answerFor('accepted', joined);
    }
    if (options.autoAccept === true) {
      log.info(`${id} was let in without a question: ${fingerprint(publicKey)}`, { id });
      await admit(fresh, 'auto_accept');
      return answerFor('accepted', fresh);
    }
    if (token !== undefined) log.warn(`${id} knocked with a join token that is not valid for it`, { id });
    if (state !== 'pending' || entry!.id !== id) {
      if (index.size('pending') >= MAX_WAITING) {
        log.warn('too many unknown keys are waiting: a knock was not remembered', { id });
        return undefined;
      }
      await index.put('pending', fresh);
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
    list: async () => KEY_STATES.flatMap((state) => index.all(state).map((entry) => listed(state, entry))),
    finger: async (id) => known(id).map(([state, entry]) => listed(state, entry)),
    accept: (id, by = 'user') =>
      exclusively(async () => {
        const entries = known(id);
        const accepted = entries.find(([state]) => state === 'accepted');
        if (accepted !== undefined && entries.every(([state]) => state === 'accepted')) return listed(...accepted);
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
        const admitted = await admit(candidates[0]![1], by);
        tell('decided', 'accept', admitted);
        return admitted;
      }),
    reject: (id, by = 'user') =>
      exclusively(async () => {
        for (const [state, entry] of known(id)) {
          const changed = { ...entry, changedAt: clock.now(), changedBy: by };
          await index.put('rejected', changed);
          if (state === 'accepted') await revoke(entry.publicKey);
          options.onAnswer?.(entry.publicKey, answerFor('rejected', changed));
          tell('decided', 'reject', entry);
        }
      }),
    delete: (id) =>
      exclusively(async () => {
        for (const [state, entry] of known(id)) {
          await index.remove(state, entry.publicKey);
          if (state === 'accepted') await revoke(entry.publicKey);
          tell('decided', 'delete', entry);
        }
      }),
    rotate: (id, publicKey, body) =>
      exclusively(async () => {
        const current = index.of(id).flatMap(([state, entry]) => (state === 'accepted' ? [entry] : []));
        const known = index.find(publicKey);
        if (current.length === 0 || !isSuccession(id, publicKey, body) || (known !== undefined && known[1].id !== id))
          throw new EdgeError('EDGE_NOT_ALLOWED', `${id} may not have this key`, { id });
        if (known?.[0] === 'accepted') return answerFor('accepted', known[1]);
        // One that was begun before and never finished is given up: whoever has that key is not the one who asks.
        for (const { publicKey: begun, replaces } of current)
          if (replaces !== undefined) {
            await index.remove('accepted', begun);
            await revoke(begun);
          }
        const before = current.find(({ replaces }) => replaces === undefined) ?? current[0]!;
        const now = clock.now();
        const next = { ...before, publicKey, knockedAt: now, changedAt: now, changedBy: 'rotation' };
        await index.put('accepted', { ...next, replaces: before.publicKey });
        log.info(`${id} has a new key: ${fingerprint(publicKey)}`, { id });
        return answerFor('accepted', next);
      }),
    finishRotation: (id, publicKey) =>
      exclusively(async () => {
        const entry = index.accepted(publicKey);
        if (entry?.id !== id || entry.replaces === undefined) return;
        const { replaces, ...kept } = entry;
        if (index.accepted(replaces) !== undefined) {
          await index.remove('accepted', replaces);
          await revoke(replaces);
        }
        await index.put('accepted', kept);
      }),
    roleOf: (id) => index.of(id).find(([state, { role }]) => state === 'accepted' && role !== undefined)?.[1].role,
    createToken: (request) => exclusively(() => tokens.create(request)),
    listTokens: async () => tokens.list(),
    deleteToken: (name) => exclusively(() => tokens.delete(name)),
    onKnock: (publicKey, body) =>
      exclusively(async () => {
        const knock = readKnock(publicKey, body);
        if (knock === undefined) {
          log.warn('dropped a knock that is not signed by the key it asks for', { publicKey: publicKey.slice(0, 60) });
          return undefined;
        }
        const answer = await judge(knock);
        if (answer !== undefined) tell('asked', ACTS[answer.status], knock);
        return answer;
      }),
    idOf: (publicKey) => index.accepted(publicKey)?.id,
    accepted: () => index.acceptedIds(),
    isAccepted: (id) => index.of(id).some(([state]) => state === 'accepted'),
    listen: (listener) => void listeners.push(listener),
    operatorCreds: (name) => authority.operatorCreds(name).creds,
    masterCreds: (name) => authority.masterCreds(name),
    systemCreds: (name) => authority.systemCreds(name),
  };
}

function readKnock(publicKey: string, body: unknown): KnockMessage | undefined {
  const knock = knockMessage.safeParse(signedBy(publicKey, body));
  return knock.success && knock.data.publicKey === publicKey ? knock.data : undefined;
}

function isSuccession(id: string, publicKey: string, body: unknown): boolean {
  const asked = successionMessage.safeParse(signedBy(publicKey, body));
  return asked.success && asked.data.id === id && asked.data.publicKey === publicKey;
}

/** The body of an envelope that the key itself signed; undefined for anything else. */
function signedBy(publicKey: string, body: unknown): unknown {
  if (publicKeyKind(publicKey) !== 'user') return undefined;
  try {
    return verifyBody(body, new Set([publicKey]));
  } catch (error) {
    if (error instanceof EdgeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
