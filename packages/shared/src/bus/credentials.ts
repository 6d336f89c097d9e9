import type { Authenticator } from '@nats-io/transport-node';
import { EdgeError } from '../kernel/index.ts';
import { parseCreds } from './identity/jwt.ts';
import { type KeyPair, keyPairFromSeed } from './identity/nkeys.ts';

/** Who a connection is. */
export type BusCredentials =
  /** A signed user and the key that proves it. */
  | { readonly kind: 'jwt'; readonly jwt: string; readonly keyPair: KeyPair }
  /** A user anybody may be: the one to knock with. */
  | { readonly kind: 'bearer'; readonly jwt: string }
  /** A bare key the server knows. */
  | { readonly kind: 'nkey'; readonly keyPair: KeyPair }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string };

/** The credentials in a `.creds` file's text. @throws EdgeError `EDGE_KEY_INVALID` */
export function credentialsFromCreds(text: string): BusCredentials {
  const parts = parseCreds(text);
  if (parts === undefined) {
    throw new EdgeError(
      'EDGE_KEY_INVALID',
      'the text is not a NATS credentials file',
      {},
      {
        hint: 'Use the .creds file as edge-master or nsc wrote it.',
      },
    );
  }
  return { kind: 'jwt', jwt: parts.jwt, keyPair: keyPairFromSeed(parts.seed) };
}

/** Answers the server's challenge. */
export function authenticatorFor(credentials: BusCredentials): Authenticator {
  switch (credentials.kind) {
    case 'jwt':
      return (nonce) => ({
        jwt: credentials.jwt,
        nkey: credentials.keyPair.publicKey,
        sig: signature(credentials.keyPair, nonce),
      });
    case 'bearer':
      return () => ({ jwt: credentials.jwt });
    case 'nkey':
      return (nonce) => ({ nkey: credentials.keyPair.publicKey, sig: signature(credentials.keyPair, nonce) });
    case 'password':
      return () => ({ user: credentials.user, pass: credentials.password });
    case 'token':
      return () => ({ auth_token: credentials.token });
  }
}

function signature(keyPair: KeyPair, nonce: string | undefined): string {
  return Buffer.from(keyPair.sign(nonce ?? '')).toString('base64url');
}
