import { EdgeError } from '../../kernel/index.ts';

/** The ways text is kept in files, under the names Python has for them. */
const ENCODINGS: Readonly<Record<string, 'utf-8' | 'latin1' | 'ascii' | 'utf-16le'>> = {
  utf8: 'utf-8',
  u8: 'utf-8',
  utf8sig: 'utf-8',
  latin1: 'latin1',
  iso88591: 'latin1',
  l1: 'latin1',
  ascii: 'ascii',
  usascii: 'ascii',
  utf16: 'utf-16le',
  utf16le: 'utf-16le',
};

/** Text of bytes, a byte order mark kept; UTF-8 unless told. @throws EdgeError `EDGE_BAD_ARGUMENT` naming `path` */
export function decodeText(bytes: Uint8Array, encoding: string | undefined, path: string): string {
  const known = encodingNamed(encoding);
  if (known === 'latin1') return Buffer.from(bytes).toString('latin1');
  try {
    if (known === 'ascii' && bytes.some((byte) => byte > 0x7f)) throw new TypeError('a byte above 127');
    return new TextDecoder(known === 'ascii' ? 'utf-8' : known, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${path} is no text in ${encoding ?? 'UTF-8'}`,
      { path },
      { hint: 'Say in which encoding it is: encoding: latin-1.', cause },
    );
  }
}

/** Bytes of a text. @throws EdgeError `EDGE_BAD_ARGUMENT` when the encoding has no such characters */
export function encodeText(text: string, encoding: string | undefined, path: string): Uint8Array {
  const known = encodingNamed(encoding);
  const limit = known === 'latin1' ? 0xff : known === 'ascii' ? 0x7f : 0x10ffff;
  const strange = [...text].find((character) => character.codePointAt(0)! > limit);
  if (strange === undefined)
    return new Uint8Array(Buffer.from(text, known === 'utf-16le' ? 'utf16le' : limit < 0x100 ? 'latin1' : 'utf8'));
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${path} cannot hold '${strange}' in ${encoding ?? 'UTF-8'}`,
    { path },
    { hint: 'Write it in another encoding, or without that character.' },
  );
}

function encodingNamed(name: string | undefined): (typeof ENCODINGS)[string] {
  const known = ENCODINGS[(name ?? 'utf8').toLowerCase().replace(/[-_ ]/g, '')];
  if (known !== undefined) return known;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `'${name}' is no encoding that Edge can write`,
    { encoding: name },
    { hint: 'There are utf-8, utf-16, latin-1 and ascii.' },
  );
}
