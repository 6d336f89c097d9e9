import { createHash } from 'node:crypto';

const PUBLIC_KEY_TAG = 6;
const BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g;

/** Keys in the form apt reads from `.gpg` files: armoured blocks (RFC 4880, 6.2) become the bytes they hold. */
export function dearmoured(content: Uint8Array): Uint8Array {
  const blocks = [...Buffer.from(content).toString('latin1').matchAll(BLOCK)].map(([, block]) => block!);
  if (blocks.length === 0) return content;
  return new Uint8Array(Buffer.concat(blocks.map(blockBytes)));
}

/** Keys as text, the form apt reads from `.asc` files; text stays as it is. */
export function armoured(content: Uint8Array): Uint8Array {
  if (Buffer.from(content).toString('latin1').includes('-----BEGIN PGP')) return content;
  const lines =
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  const text = ['-----BEGIN PGP PUBLIC KEY BLOCK-----', '', ...lines, '-----END PGP PUBLIC KEY BLOCK-----', ''].join(
    '\n',
  );
  return new Uint8Array(Buffer.from(text));
}

/** Fingerprints of the keys of a file, in capitals; none: it holds no key that can be read. Subkeys do not count. */
export function keyFingerprints(content: Uint8Array): readonly string[] {
  return packetsOf(Buffer.from(dearmoured(content))).flatMap(({ tag, body }) => {
    if (tag !== PUBLIC_KEY_TAG) return [];
    // RFC 4880, 12.2; RFC 9580, 5.5.4 for version 6.
    if (body[0] === 4) {
      const head = Buffer.from([0x99, body.length >> 8, body.length & 0xff]);
      return [createHash('sha1').update(head).update(body).digest('hex').toUpperCase()];
    }
    if (body[0] !== 6) return [];
    const head = Buffer.alloc(5, 0x9b);
    head.writeUInt32BE(body.length, 1);
    return [createHash('sha256').update(head).update(body).digest('hex').toUpperCase()];
  });
}

/** Whether a key id, as people write it (`0x` and spaces are fine, 8 digits or more), is that of a fingerprint. */
export function isKeyOf(keyid: string, fingerprint: string): boolean {
  const bare = bareKeyId(keyid);
  return bare.length >= 8 && fingerprint.endsWith(bare);
}

/** A key id in capitals, without `0x` and spaces. */
export function bareKeyId(keyid: string): string {
  return keyid.replace(/\s+/g, '').replace(/^0x/i, '').toUpperCase();
}

function blockBytes(block: string): Buffer {
  const lines = block.split(/\r?\n/);
  const blank = lines.findIndex((line) => line.trim() === '');
  // A line that begins with `=` is the checksum.
  const body = lines.slice(blank + 1).filter((line) => !line.startsWith('='));
  return Buffer.from(body.join(''), 'base64');
}

interface Packet {
  readonly tag: number;
  readonly body: Buffer;
}

/** The packets of binary keys (RFC 4880, 4.2); what cannot be read ends them. */
function packetsOf(bytes: Buffer): readonly Packet[] {
  const packets: Packet[] = [];
  let at = 0;
  while (at < bytes.length) {
    const packet = (bytes[at]! & 0x40) === 0 ? olderPacket(bytes, at) : newerPacket(bytes, at);
    if (packet === undefined || packet.end > bytes.length) break;
    packets.push({ tag: packet.tag, body: bytes.subarray(packet.start, packet.end) });
    at = packet.end;
  }
  return packets;
}

interface PacketPlace {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

function olderPacket(bytes: Buffer, at: number): PacketPlace | undefined {
  const first = bytes[at]!;
  const sizeBytes = [1, 2, 4][first & 3];
  if ((first & 0x80) === 0 || sizeBytes === undefined || at + 1 + sizeBytes > bytes.length) return undefined;
  const start = at + 1 + sizeBytes;
  return { tag: (first >> 2) & 15, start, end: start + bytes.readUIntBE(at + 1, sizeBytes) };
}

function newerPacket(bytes: Buffer, at: number): PacketPlace | undefined {
  const tag = bytes[at]! & 0x3f;
  const first = bytes[at + 1];
  if ((bytes[at]! & 0x80) === 0 || first === undefined) return undefined;
  if (first < 192) return { tag, start: at + 2, end: at + 2 + first };
  if (first < 224 && at + 3 <= bytes.length)
    return { tag, start: at + 3, end: at + 3 + ((first - 192) << 8) + bytes[at + 2]! + 192 };
  if (first === 255 && at + 6 <= bytes.length) return { tag, start: at + 6, end: at + 6 + bytes.readUInt32BE(at + 2) };
  // Keys are never sent in parts.
  return undefined;
}
