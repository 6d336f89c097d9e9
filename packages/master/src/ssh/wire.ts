/** Reads the fields of SSH messages and keys (RFC 4251, 5). Reading past the end throws a RangeError. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  get offset(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Everything read so far. */
  get before(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  skip(count: number): void {
    if (this.#at + count > this.#bytes.length) throw new RangeError('the message is cut off');
    this.#at += count;
  }

  uint32(): number {
    this.skip(4);
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  uint64(): bigint {
    this.skip(8);
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  string(): Buffer {
    const length = this.uint32();
    this.skip(length);
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.string().toString('utf8');
  }
}

/** A field of its length and its bytes. */
export function wireString(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The two numbers of an ECDSA signature in DER, as SSH writes them (RFC 5656, 3.1.2). */
export function ecdsaFromDer(der: Uint8Array): Buffer {
  const bytes = Buffer.from(der);
  const numbers: Buffer[] = [];
  for (let at = bytes[1]! < 0x80 ? 2 : 3; at < bytes.length; ) {
    const length = bytes[at + 1]!;
    numbers.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return Buffer.concat(numbers.map(wireString));
}

/** The reverse of {@link ecdsaFromDer}. */
export function ecdsaToDer(signature: Uint8Array): Buffer {
  const reader = new WireReader(signature);
  const numbers = [reader.string(), reader.string()];
  const body = Buffer.concat(numbers.flatMap((number) => [Buffer.from([2, number.length]), number]));
  return Buffer.concat([Buffer.from(body.length < 0x80 ? [0x30, body.length] : [0x30, 0x81, body.length]), body]);
}
