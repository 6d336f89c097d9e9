import { readFileSync } from 'node:fs';
import { connectNatsBus, credentialsFromCreds, decodeJwt } from '@edge-run/shared/bus';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import { idFromToken, idToken } from '@edge-run/shared/protocol/plain';
import type { Connection } from './client.ts';
import type { BusContext } from './connection.ts';

const CONNECT_WITHIN_MS = 3_000;
/** Who asks where the server knows no users. */
const UNKNOWN_USER = 'local';

/** Connects to the NATS server of a context. @throws EdgeError `EDGE_BUS_UNREACHABLE`, `EDGE_NOT_ALLOWED`, `EDGE_CONFIG_INVALID` */
export async function connectToContext(context: BusContext): Promise<Connection> {
  const credentials = context.credentials === undefined ? undefined : readCredentials(context.credentials, context);
  const user = credentials?.kind === 'jwt' ? userOf(credentials.jwt) : UNKNOWN_USER;
  try {
    const bus = await connectNatsBus({
      servers: [context.url],
      name: 'edge-run',
      inboxPrefix: `_INBOX.${idToken(user)}`,
      connectTimeoutMs: CONNECT_WITHIN_MS,
      ...(credentials === undefined ? {} : { credentials }),
      ...(context.ca === undefined ? {} : { tls: { caFile: context.ca } }),
    });
    return { bus, user };
  } catch (error) {
    if (!(error instanceof EdgeError) || error.code !== 'EDGE_BUS_UNREACHABLE') throw error;
    if (error.details.refused === true) {
      throw new EdgeError('EDGE_NOT_ALLOWED', error.message, error.details, {
        hint: `Check the credentials named by ${context.origin}; 'edge-run up' writes new ones for a local stack.`,
        cause: error,
      });
    }
    throw new EdgeError(
      'EDGE_BUS_UNREACHABLE',
      error.message,
      { ...error.details, origin: context.origin },
      {
        hint: `Run 'edge-run up' to start one here, or point elsewhere with EDGE_NATS_URL (this address is from ${context.origin}).`,
        cause: error,
      },
    );
  }
}

function readCredentials(path: string, context: BusContext): ReturnType<typeof credentialsFromCreds> {
  try {
    return credentialsFromCreds(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof EdgeError) throw cause;
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read the credentials: ${errorMessage(cause)}`,
      { path },
      {
        hint: `Check ${path}, named by ${context.origin}; 'edge-run up' writes new ones for a local stack.`,
        cause,
      },
    );
  }
}

/** The name in a user's JWT, which holds it as a subject token. */
function userOf(jwt: string): string {
  const name = decodeJwt(jwt)?.name;
  return typeof name === 'string' && name !== '' ? idFromToken(name) : UNKNOWN_USER;
}
