import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, cancelled, deadline, EdgeError, type Logger, type Slots } from '@edge-run/shared/kernel';
import ssh2, { type Client, type ServerHostKeyAlgorithm } from 'ssh2';
import { type DefaultCredentials, type LoginAttempt, loginAttempts } from './auth.ts';
import { connectError, isDroppedHandshake, timedOut } from './errors.ts';
import { fetchHostCertificate } from './host-certificate.ts';
import type { ExpectedHost, HostKeys } from './host-keys.ts';
import type { SshTarget } from './target.ts';

/** What all connections of a fleet share. */
export interface HandshakeContext {
  readonly hostKeys: HostKeys;
  readonly credentials: DefaultCredentials;
  /** How many handshakes may go on at once: they cost both sides' CPU, and sshd drops what exceeds MaxStartups. */
  readonly handshakes: Slots;
  readonly keepAlive: { readonly intervalMs: number; readonly missed: number };
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  readonly log: Logger;
  /** Told how far a handshake has come. */
  readonly onStep?: (step: HandshakeStep) => void;
}

/** How far a handshake has come. */
export type HandshakeStep =
  | { readonly kind: 'connected' }
  | { readonly kind: 'host-key'; readonly key: Uint8Array; readonly certified: boolean }
  | { readonly kind: 'logged-in'; readonly by: string };

/** The way to the host: a socket of this machine, or a channel of a jump host. */
export interface Route {
  /** Everything that needs handshakes of its own; done before ours takes its place in the queue. */
  prepare(signal: AbortSignal): Promise<void>;
  open(signal: AbortSignal): Promise<Duplex>;
}

/** Default algorithms of ssh2 without the SHA-1 signature. */
const HOST_KEY_ALGORITHMS: readonly string[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/**
 * A connection that is ready for channels. Handshakes the server drops because it has too many are tried again with
 * growing pauses until the target's connect timeout. @throws EdgeError, a code for each reason
 */
export async function openConnection(
  target: SshTarget,
  context: HandshakeContext,
  route: Route,
  parent?: AbortSignal,
): Promise<Client> {
  const limit = deadline(target.connectTimeoutMs, `connecting to ${target.id}`, parent);
  let pauseMs = 50;
  let last: unknown;
  try {
    for (;;) {
      try {
        return await attempt(target, context, route, limit.signal);
      } catch (error) {
        if (limit.signal.aborted || !isDroppedHandshake(error)) throw error;
        last = error;
      }
      context.log.debug('handshake dropped by the server; trying again', { host: target.id, pauseMs });
      await context.clock.sleep(pauseMs * (0.5 + context.random()), limit.signal);
      pauseMs = Math.min(pauseMs * 2, 2_000);
    }
  } catch (error) {
    if (parent?.aborted) throw cancelled(parent);
    if (error instanceof EdgeError && error.code === 'EDGE_DEADLINE')
      throw last === undefined ? timedOut(target, error) : connectError(target, last, []);
    throw error;
  } finally {
    limit.dispose();
  }
}

async function attempt(
  target: SshTarget,
  context: HandshakeContext,
  route: Route,
  signal: AbortSignal,
): Promise<Client> {
  const logins = await loginAttempts(target, context.credentials);
  await route.prepare(signal);
  const leave = await context.handshakes.take(signal);
  try {
    const expected = await context.hostKeys.expect(target, HOST_KEY_ALGORITHMS, async () =>
      fetchHostCertificate(await route.open(signal), signal),
    );
    const socket = await route.open(signal);
    context.onStep?.({ kind: 'connected' });
    return await shakeHands(target, context, { socket, logins, expected }, signal);
  } finally {
    leave();
  }
}

interface Prepared {
  readonly socket: Duplex;
  readonly logins: readonly LoginAttempt[];
  readonly expected: ExpectedHost;
}

function shakeHands(
  target: SshTarget,
  context: HandshakeContext,
  { socket, logins, expected }: Prepared,
  signal: AbortSignal,
): Promise<Client> {
  const client = new ssh2.Client();
  const left = [...logins];
  const tried: string[] = [];
  let refusal: unknown;
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      client.removeAllListeners('ready').removeAllListeners('close').removeAllListeners('error');
      // Whatever a dead connection still says later has been said by `close`.
      client.on('error', (error) => context.log.debug('ssh', { host: target.id, error: error.message }));
      finish();
    };
    const fail = (error: unknown): void =>
      settle(() => {
        client.destroy();
        socket.destroy();
        reject(error);
      });
    const onAbort = (): void => fail(cancelled(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    client.on('ready', () => {
      context.onStep?.({ kind: 'logged-in', by: tried.at(-1) ?? '' });
      settle(() => resolve(client));
    });
    client.on('error', (error) => {
      // ssh2 goes on with the next login.
      if (error.level === 'agent') tried.push(`${tried.pop() ?? 'agent'} (${error.message})`);
      else fail(refusal ?? (isDroppedHandshake(error) ? error : connectError(target, error, tried)));
    });
    client.on('close', () => fail(refusal ?? new Error('Connection lost before handshake')));
    client.connect({
      sock: socket,
      username: target.user,
      readyTimeout: 0,
      keepaliveInterval: context.keepAlive.intervalMs,
      keepaliveCountMax: context.keepAlive.missed,
      algorithms: { serverHostKey: expected.algorithms as ServerHostKeyAlgorithm[] },
      hostVerifier: (key: Buffer, verify: (trusted: boolean) => void) => {
        context.hostKeys.verify(target, key, expected.certificate).then(
          () => {
            context.onStep?.({ kind: 'host-key', key, certified: expected.certificate?.plainKey.equals(key) === true });
            verify(true);
          },
          (error: unknown) => {
            refusal = error;
            verify(false);
          },
        );
      },
      authHandler: (_methodsLeft, _partial, next) => {
        const login = left.shift();
        if (login) tried.push(login.name);
        // `false` says that there is nothing left to try; the types know only methods.
        (next as (method: unknown) => void)(login?.method(client) ?? false);
      },
    });
  });
}

/** A TCP connection of this machine with Nagle's algorithm off: with it on, a command takes 40 ms instead of 3. */
export function directRoute(target: SshTarget): Route {
  return { prepare: async () => {}, open: (signal) => openTcp(target, signal) };
}

function openTcp(target: SshTarget, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: target.host, port: target.port, noDelay: true });
    const onAbort = (): void => void socket.destroy(cancelled(signal));
    const done = (): void => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket.once('error', (error) => {
      done();
      reject(isDroppedHandshake(error) ? error : connectError(target, error, []));
    });
    socket.once('connect', () => {
      done();
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
