import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createKeyPair,
  encodeAccountJwt,
  encodeOperatorJwt,
  encodeScopedUserJwt,
  encodeUserJwt,
  formatCreds,
  type KeyPair,
  keyPairFromSeed,
  type NkeyKind,
  type Permission,
  type Permissions,
} from '@edge-run/shared/bus';
import type { Clock } from '@edge-run/shared/kernel';
import { idToken } from '@edge-run/shared/protocol';
import { KNOCKER, MASTER, MINION, OPERATOR } from './roles.ts';

/** Every key a master's trust rests on, each a file of mode 0600. */
interface Keys {
  readonly operator: KeyPair;
  readonly account: KeyPair;
  readonly system: KeyPair;
  readonly minions: KeyPair;
  readonly knockers: KeyPair;
  /** The one user who knocks; a bearer, so nobody needs its seed. */
  readonly knock: KeyPair;
  readonly operators: KeyPair;
  /** Signs jobs. */
  readonly jobs: KeyPair;
}

const KINDS: Readonly<Record<keyof Keys, NkeyKind>> = {
  operator: 'operator',
  account: 'account',
  system: 'account',
  minions: 'account',
  knockers: 'account',
  knock: 'user',
  operators: 'account',
  jobs: 'user',
};

/** An account on a server somebody else runs, and a key of it that may sign users. */
export interface ExternalAccount {
  /** `A…` */
  readonly account: string;
  readonly signingKey: KeyPair;
}

/** Signs who may do what on the server: operator, account, its roles, and the users of each. */
export interface Authority {
  /** Signs jobs; minions trust its public key. */
  readonly jobSigner: KeyPair;
  readonly account: string;
  readonly systemAccount: string;
  operatorJwt(): string;
  accountJwt(revocations: ReadonlyMap<string, number>): string;
  systemAccountJwt(): string;
  /** What a minion that was accepted logs in with. */
  minionJwt(id: string, publicKey: string, issuedAt: number): string;
  /** The credential everybody may have: it can only knock. */
  knockJwt(): string;
  /** The text of a `.creds` file for a person; the key in it is new. */
  operatorCreds(name: string): { readonly creds: string; readonly publicKey: string };
  /** For a master process: everything in the account. */
  masterCreds(name: string): string;
  /** For a master process: the server's own events and account updates. */
  systemCreds(name: string): string;
}

/**
 * Reads the keys of a directory; makes those that are not there. With `external`, users belong to that account and carry
 * their permissions themselves: it knows no roles of ours.
 */
export async function openAuthority(directory: string, clock: Clock, external?: ExternalAccount): Promise<Authority> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const names = Object.keys(KINDS) as (keyof Keys)[];
  const pairs = await Promise.all(names.map(async (name) => [name, await openKey(directory, name)] as const));
  const keys = Object.fromEntries(pairs) as unknown as Keys;
  const account = external?.account ?? keys.account.publicKey;
  const systemAccount = keys.system.publicKey;
  const now = (): { issuedAt: number } => ({ issuedAt: clock.now() });
  const userJwt = (
    user: { readonly name: string; readonly publicKey: string; readonly issuedAt?: number; readonly bearer?: boolean },
    role: { readonly permissions: Permissions; readonly signingKey: KeyPair },
  ): string => {
    const claims = { name: user.name, user: user.publicKey, account, ...now(), ...definedTime(user.issuedAt) };
    if (external === undefined) return encodeScopedUserJwt(claims, role.signingKey);
    const permissions = permissionsOf(role.permissions, user.name);
    return encodeUserJwt({ ...claims, permissions, bearer: user.bearer === true }, external.signingKey);
  };
  const privileged = (name: string, signer: KeyPair): string => {
    const user = createKeyPair('user');
    const owner = signer === keys.system ? systemAccount : account;
    const claims = { name, user: user.publicKey, account: owner, permissions: MASTER, ...now() };
    return formatCreds(encodeUserJwt(claims, signer), user.seed());
  };
  return {
    jobSigner: keys.jobs,
    account,
    systemAccount,
    operatorJwt: () => encodeOperatorJwt({ name: 'edge', systemAccount, ...now() }, keys.operator),
    accountJwt: (revocations) =>
      encodeAccountJwt(
        {
          name: 'edge',
          account,
          jetstream: true,
          roles: [
            { name: 'minion', signingKey: keys.minions.publicKey, ...MINION },
            { name: 'knock', signingKey: keys.knockers.publicKey, bearer: true, ...KNOCKER },
            { name: 'operator', signingKey: keys.operators.publicKey, ...OPERATOR },
          ],
          revocations,
          ...now(),
        },
        keys.operator,
      ),
    systemAccountJwt: () =>
      encodeAccountJwt(
        { name: 'edge-system', account: systemAccount, jetstream: false, roles: [], revocations: new Map(), ...now() },
        keys.operator,
      ),
    minionJwt: (id, publicKey, issuedAt) =>
      userJwt({ name: idToken(id), publicKey, issuedAt }, { permissions: MINION, signingKey: keys.minions }),
    knockJwt: () =>
      userJwt(
        { name: 'knock', publicKey: keys.knock.publicKey, bearer: true },
        { permissions: KNOCKER, signingKey: keys.knockers },
      ),
    operatorCreds: (name) => {
      const user = createKeyPair('user');
      const jwt = userJwt(
        { name: idToken(name), publicKey: user.publicKey },
        { permissions: OPERATOR, signingKey: keys.operators },
      );
      return { creds: formatCreds(jwt, user.seed()), publicKey: user.publicKey };
    },
    masterCreds: (name) => privileged(name, external?.signingKey ?? keys.account),
    systemCreds: (name) => privileged(name, keys.system),
  };
}

function definedTime(issuedAt: number | undefined): { readonly issuedAt?: number } {
  return issuedAt === undefined ? {} : { issuedAt };
}

/** A role's permissions for one user, as the server would expand them. */
function permissionsOf({ pub, sub, resp }: Permissions, name: string): Permissions {
  const expand = ({ allow, deny }: Permission): Permission => ({
    ...(allow === undefined ? {} : { allow: allow.map((subject) => subject.replaceAll('{{name()}}', name)) }),
    ...(deny === undefined ? {} : { deny: deny.map((subject) => subject.replaceAll('{{name()}}', name)) }),
  });
  return { pub: expand(pub), sub: expand(sub), ...(resp === undefined ? {} : { resp }) };
}

async function openKey(directory: string, name: keyof Keys): Promise<KeyPair> {
  const path = join(directory, `${name}.nk`);
  try {
    return keyPairFromSeed(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const pair = createKeyPair(KINDS[name]);
  try {
    await writeFile(path, `${pair.seed()}\n`, { mode: 0o600, flag: 'wx' });
    return pair;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return keyPairFromSeed(await readFile(path, 'utf8')); // another process of this directory was first
  }
}
