import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type Certificate, parseCertificate } from './certificates.ts';
import { WireReader, wireString } from './wire.ts';

/** What a certificate can be asked for as, the best first. */
const CERTIFICATE_ALGORITHMS = [
  'ssh-ed25519-cert-v01@openssh.com',
  'ecdsa-sha2-nistp256-cert-v01@openssh.com',
  'ecdsa-sha2-nistp384-cert-v01@openssh.com',
  'ecdsa-sha2-nistp521-cert-v01@openssh.com',
  'rsa-sha2-512-cert-v01@openssh.com',
  'rsa-sha2-256-cert-v01@openssh.com',
];
const KEY_EXCHANGES = ['curve25519-sha256', 'curve25519-sha256@libssh.org'];
const CIPHERS = ['aes128-ctr', 'aes256-ctr', 'aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com'];
const MACS = ['hmac-sha2-256', 'hmac-sha2-512', 'hmac-sha2-256-etm@openssh.com'];
/** A banner and a key exchange are a few thousand bytes. */
const MOST_BYTES = 262_144;
const MSG = { disconnect: 1, kexInit: 20, ecdhInit: 30, ecdhReply: 31 } as const;

/**
 * Asks a server for the certificate of its host key and hangs up; undefined where it has none. Nothing about the
 * answer is proven yet: whoever trusts the certificate still has to see the server prove its key.
 */
export function fetchHostCertificate(socket: Duplex, signal: AbortSignal): Promise<Certificate | undefined> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners('data');
      socket.destroy();
      act();
    };
    const onAbort = (): void => finish(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    // What the socket still says after it was hung up concerns nobody.
    socket.on('error', () => finish(() => resolve(undefined)));
    socket.on('close', () => finish(() => resolve(undefined)));
    let received = Buffer.alloc(0);
    let isGreeted = false;
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > MOST_BYTES) return finish(() => resolve(undefined));
      try {
        if (!isGreeted) {
          const end = /^SSH-2\.0-[^\n]*\n/m.exec(received.toString('latin1'));
          if (end === null) return;
          isGreeted = true;
          received = received.subarray(end.index + end[0].length);
        }
        for (let packet = takePacket(received); packet !== undefined; packet = takePacket(received)) {
          received = packet.rest;
          const answer = react(packet.payload, socket);
          if (answer !== 'more') return finish(() => resolve(answer));
        }
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        finish(() => resolve(undefined));
      }
    });
    socket.write('SSH-2.0-Edge_host_certificate\r\n');
    socket.write(packetOf(keyExchangeInit()));
  });
}

/** `more`: the answer is still to come. */
function react(payload: Buffer, socket: Duplex): Certificate | undefined | 'more' {
  switch (payload[0]) {
    case MSG.kexInit: {
      const reader = new WireReader(payload);
      reader.skip(17);
      const exchanges = reader.text().split(',');
      const algorithms = reader.text().split(',');
      const isPossible =
        exchanges.some((name) => KEY_EXCHANGES.includes(name)) &&
        algorithms.some((name) => CERTIFICATE_ALGORITHMS.includes(name));
      if (!isPossible) return undefined;
      const { x = '' } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
      socket.write(packetOf(Buffer.concat([Buffer.from([MSG.ecdhInit]), wireString(Buffer.from(x, 'base64url'))])));
      return 'more';
    }
    case MSG.ecdhReply: {
      const reader = new WireReader(payload);
      reader.skip(1);
      return parseCertificate(reader.string());
    }
    case MSG.disconnect:
      return undefined;
    default:
      return 'more';
  }
}

function keyExchangeInit(): Buffer {
  const lists = [KEY_EXCHANGES, CERTIFICATE_ALGORITHMS, CIPHERS, CIPHERS, MACS, MACS, ['none'], ['none'], [], []];
  return Buffer.concat([
    Buffer.from([MSG.kexInit]),
    randomBytes(16),
    ...lists.map((names) => wireString(names.join(','))),
    Buffer.alloc(5),
  ]);
}

/** An unencrypted packet (RFC 4253, 6). */
function packetOf(payload: Buffer): Buffer {
  const padding = 8 - ((payload.length + 5) % 8) + (8 - ((payload.length + 5) % 8) < 4 ? 8 : 0);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + padding + 1);
  head[4] = padding;
  return Buffer.concat([head, payload, randomBytes(padding)]);
}

function takePacket(bytes: Buffer): { readonly payload: Buffer; readonly rest: Buffer<ArrayBuffer> } | undefined {
  if (bytes.length < 5) return undefined;
  const length = bytes.readUInt32BE(0);
  if (length > MOST_BYTES) throw new RangeError('no packet');
  if (bytes.length < 4 + length) return undefined;
  const payload = bytes.subarray(5, 4 + length - bytes[4]!);
  return { payload, rest: Buffer.from(bytes.subarray(4 + length)) };
}
