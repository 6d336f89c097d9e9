import { gzipSync } from 'node:zlib';
import { decodeBody, encodeBody, MAX_BODY_BYTES } from '@edge-run/shared/bus';
import { describe, expect, it } from 'vitest';

const bytes = (body: string | Uint8Array): Uint8Array => Buffer.from(body as string);

describe('bodies of messages', () => {
  it('are JSON text as long as the server takes it', () => {
    expect(encodeBody('s', { a: 'ü' }, 11)).toBe('{"a":"ü"}');
    expect(encodeBody('s', undefined, 100)).toBe('null');
  });
  it('are packed where it would not, and come back as they were', () => {
    const body = { text: Array.from({ length: 500 }, (_, index) => `state ${index} is as it should be`) };
    const packed = encodeBody('s', body, 4_000);
    expect(packed.length).toBeLessThan(4_000);
    expect(decodeBody(bytes(packed))).toEqual(body);
  });
  it('are refused where packing does not help', () => {
    const text = Array.from({ length: 500 }, (_, index) => Math.sin(index)).join();
    expect(() => encodeBody('edge.x', text, 1_000)).toThrow(/bytes to edge\.x is larger than the 1000/);
  });
  it('are read from part of a buffer, and from none', () => {
    expect(decodeBody(Buffer.from('xx{"a":1}').subarray(2))).toEqual({ a: 1 });
    expect(decodeBody(new Uint8Array())).toBeNull();
  });
  it('never unpack to more than the limit, nor to far more than was sent', () => {
    const noise = Array.from({ length: 100_000 }, (_, index) => Math.sin(index));
    const bomb = gzipSync(Buffer.concat([Buffer.from(noise.join()), Buffer.alloc(MAX_BODY_BYTES, ' ')]));
    expect(bomb.length * 256).toBeGreaterThan(MAX_BODY_BYTES);
    expect(() => decodeBody(bomb)).toThrow(/larger than/);
    expect(() => decodeBody(gzipSync(Buffer.alloc(1_000_000, ' ')))).toThrow(/larger than/);
    expect(() => encodeBody('s', 'x'.repeat(1_000_000), 10_000)).toThrow(/1000002 bytes/);
  });
  it.each(['', '{', '\u001f\u008b'])('that are no JSON are an error: %j', (text) => {
    expect(() => decodeBody(Buffer.from(`${text}x`, 'latin1'))).toThrow();
  });
});
