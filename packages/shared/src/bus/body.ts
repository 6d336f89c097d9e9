import { gunzipSync, gzipSync } from 'node:zlib';
import { EdgeError } from '../kernel/index.ts';

/** The most a body may be once unpacked. */
export const MAX_BODY_BYTES = 128 * 1024 * 1024;

/** As many times its size a packed body may unpack to: nobody is to be kept busy for next to nothing. Data is below 50. */
const MAX_RATIO = 256;

/** How gzip begins, and no JSON text. */
const GZIP = [0x1f, 0x8b] as const;

/**
 * The bytes of a message: bytes as they are; else JSON text, packed only where the server would not take it as it is.
 * @throws EdgeError `EDGE_BUS_TOO_LARGE` when it does not take it packed either
 */
export function encodeBody(subject: string, body: unknown, maxPayloadBytes: number): string | Uint8Array {
  if (body instanceof Uint8Array) return bytesWithin(subject, body, maxPayloadBytes);
  const text = JSON.stringify(body ?? null);
  const plainBytes = Buffer.byteLength(text);
  if (plainBytes <= maxPayloadBytes) return text;
  const packed = plainBytes > MAX_BODY_BYTES ? undefined : gzipSync(text);
  if (packed !== undefined && packed.length <= maxPayloadBytes && plainBytes <= unpackedAtMost(packed)) return packed;
  const sizeBytes = packed === undefined || packed.length <= maxPayloadBytes ? plainBytes : packed.length;
  throw tooLarge(subject, sizeBytes, maxPayloadBytes);
}

function bytesWithin(subject: string, bytes: Uint8Array, maxPayloadBytes: number): Uint8Array {
  if (bytes.length > maxPayloadBytes) throw tooLarge(subject, bytes.length, maxPayloadBytes);
  return bytes;
}

function tooLarge(subject: string, sizeBytes: number, maxPayloadBytes: number): EdgeError {
  return new EdgeError(
    'EDGE_BUS_TOO_LARGE',
    `a message of ${sizeBytes} bytes to ${subject} is larger than the ${maxPayloadBytes} the server takes`,
    { subject, sizeBytes, maxPayloadBytes },
    { hint: 'Ask for less at once, or raise max_payload of the NATS server.' },
  );
}

function unpackedAtMost(packed: Uint8Array): number {
  return Math.min(MAX_BODY_BYTES, packed.length * MAX_RATIO);
}

/** What `encodeBody` made bytes of; null for none. @throws Error when they are neither JSON nor packed JSON */
export function decodeBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return null;
  const isPacked = bytes[0] === GZIP[0] && bytes[1] === GZIP[1];
  const text = isPacked
    ? gunzipSync(bytes, { maxOutputLength: unpackedAtMost(bytes) })
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return JSON.parse(text.toString('utf8')) as unknown;
}
