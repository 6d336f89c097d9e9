import { createHash } from 'node:crypto';
import type { JsonObject } from '../../kernel/index.ts';
import { base32, type KeyPair, verifySignature } from './nkeys.ts';

/*
 * NATS JWTs, version 2 (https://github.com/nats-io/jwt), written by hand: the library for it declares itself no
 * supported API and signs two hundred times slower.
 */

/** Subjects one may use; `{{name()}}` in a role stands for the user's name. */
export interface Permission {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** Subjects a user may publish to and subscribe to. */
export interface Permissions {
  readonly pub: Permission;
  readonly sub: Permission;
  /** May answer this many times to the reply subject of a message it was given. */
  readonly resp?: { readonly max: number; readonly ttlMs: number };
}

/** A signing key of an account that can only make users of one role. */
export interface Role extends Permissions {
  readonly name: string;
  readonly signingKey: string;
  /** The users need not prove that they own their key. */
  readonly bearer?: boolean;
}

interface Times {
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt?: number;
}

/** The root of trust of a server. */
export function encodeOperatorJwt(
  claims: { readonly name: string; readonly systemAccount: string } & Times,
  operator: KeyPair,
): string {
  return encodeJwt(
    claims,
    operator.publicKey,
    { type: 'operator', version: 2, system_account: claims.systemAccount },
    operator,
  );
}

/** What an account's token says. */
export interface AccountClaims extends Times {
  readonly name: string;
  readonly account: string;
  readonly jetstream: boolean;
  readonly roles: readonly Role[];
  /** Keys that may sign users without a role's limits. */
  readonly signingKeys?: readonly string[];
  /** Public key of a user → instant (ms); what was issued until then is void. */
  readonly revocations: ReadonlyMap<string, number>;
}

/** An account: its roles and who was revoked. */
export function encodeAccountJwt(claims: AccountClaims, operator: KeyPair): string {
  const storage = claims.jetstream ? -1 : 0;
  const revocations = Object.fromEntries([...claims.revocations].map(([key, atMs]) => [key, Math.floor(atMs / 1000)]));
  return encodeJwt(
    claims,
    claims.account,
    {
      type: 'account',
      version: 2,
      limits: {
        ...{ subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
        ...{ mem_storage: storage, disk_storage: storage, streams: storage, consumer: storage },
      },
      signing_keys: [
        ...(claims.signingKeys ?? []),
        ...claims.roles.map((role) => ({
          kind: 'user_scope',
          key: role.signingKey,
          role: role.name,
          template: { ...userLimits(role), ...(role.bearer === true ? { bearer_token: true } : {}) },
        })),
      ],
      ...(claims.revocations.size === 0 ? {} : { revocations }),
    },
    operator,
  );
}

/** A user of a role: what it may do is in the role, so that changing the role changes every user. */
export function encodeScopedUserJwt(
  claims: { readonly name: string; readonly user: string; readonly account: string } & Times,
  signingKey: KeyPair,
): string {
  return encodeJwt(claims, claims.user, { type: 'user', version: 2, issuer_account: claims.account }, signingKey);
}

/** A user with permissions of its own. */
export function encodeUserJwt(
  claims: {
    readonly name: string;
    readonly user: string;
    readonly account: string;
    readonly permissions: Permissions;
    readonly bearer?: boolean;
  } & Times,
  signer: KeyPair,
): string {
  return encodeJwt(
    claims,
    claims.user,
    {
      type: 'user',
      version: 2,
      ...(signer.publicKey === claims.account ? {} : { issuer_account: claims.account }),
      ...userLimits(claims.permissions),
      ...(claims.bearer === true ? { bearer_token: true } : {}),
    },
    signer,
  );
}

/** The claims of a JWT whose signature is right; undefined for any other text. Does not look at expiry. */
export function decodeJwt(jwt: string): JsonObject | undefined {
  const [header, payload, signature, ...rest] = jwt.split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as JsonObject;
    const right = verifySignature(String(claims.iss), `${header}.${payload}`, Buffer.from(signature, 'base64url'));
    return right ? claims : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The text of a `.creds` file, which every NATS tool reads. */
export function formatCreds(jwt: string, seed: string): string {
  return [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ].join('\n');
}

/** JWT and seed of a `.creds` file's text; undefined when it is none. */
export function parseCreds(text: string): { readonly jwt: string; readonly seed: string } | undefined {
  const parts = [...text.matchAll(/-{3,}BEGIN [^\n]*-{3,}\s+([\w.-]+)\s+-{3,}END/g)].map((match) => match[1]!);
  return parts.length >= 2 ? { jwt: parts[0]!, seed: parts[1]! } : undefined;
}

function userLimits(permissions: Permissions): JsonObject {
  const { pub, sub, resp } = permissions;
  return {
    pub: { ...pub },
    sub: { ...sub },
    ...(resp === undefined ? {} : { resp: { max: resp.max, ttl: resp.ttlMs * 1_000_000 } }),
    ...{ subs: -1, data: -1, payload: -1 },
  };
}

function encodeJwt(
  claims: { readonly name: string } & Times,
  subject: string,
  nats: JsonObject,
  signer: KeyPair,
): string {
  const body = {
    iat: Math.floor(claims.issuedAt / 1000),
    ...(claims.expiresAt === undefined ? {} : { exp: Math.floor(claims.expiresAt / 1000) }),
    iss: signer.publicKey,
    name: claims.name,
    sub: subject,
    nats,
  };
  const jti = base32(createHash('sha512-256').update(JSON.stringify(body)).digest());
  const header = base64url({ typ: 'JWT', alg: 'ed25519-nkey' });
  const signed = `${header}.${base64url({ jti, ...body })}`;
  return `${signed}.${Buffer.from(signer.sign(signed)).toString('base64url')}`;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}
