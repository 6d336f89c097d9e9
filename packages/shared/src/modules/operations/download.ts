import { createHash } from 'node:crypto';
import { EdgeError } from '../../kernel/index.ts';

const DOWNLOAD_TIMEOUT_MS = 300_000;
const MAX_DOWNLOAD_BYTES = 512 * 1024 * 1024;

/** Content at a `http(s)://` address; undefined where the server says that there is none. @throws EdgeError on any other answer */
export async function download(url: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]) });
  if (response.status === 404) return undefined;
  if (!response.ok)
    throw new EdgeError('EDGE_COMMAND_FAILED', `${url} answered ${response.status}`, { url, status: response.status });
  if (Number(response.headers.get('content-length') ?? 0) > MAX_DOWNLOAD_BYTES)
    throw new EdgeError('EDGE_NOT_SUPPORTED', `${url} is larger than ${MAX_DOWNLOAD_BYTES} bytes`, { url });
  return new Uint8Array(await response.arrayBuffer());
}

/** False where the server at a `http(s)://` address says that there is nothing; whoever downloads hears of other problems. */
export async function mayDownload(url: string, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
  return (await fetch(url, { method: 'HEAD', signal: limit })).status !== 404;
}

/** A digest, and how it was made: `sha256`. */
export interface Digest {
  readonly form: string;
  /** Lower case. */
  readonly hex: string;
}

/** Reads `sha256=<hex>`, or the bare digest, whose length tells its form. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function parseDigest(sourceHash: string): Digest {
  const lengths: Record<number, string> = {
    32: 'md5',
    40: 'sha1',
    56: 'sha224',
    64: 'sha256',
    96: 'sha384',
    128: 'sha512',
  };
  const match = /^(?:(md5|sha\d{1,3})[=:])?([0-9a-f]+)$/i.exec(sourceHash.trim());
  const form = match?.[1]?.toLowerCase() ?? lengths[match?.[2]?.length ?? 0];
  if (match === null || form === undefined)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `not a digest: ${sourceHash}`,
      {},
      { hint: 'Write source_hash: sha256=<hex>.' },
    );
  return { form, hex: match[2]!.toLowerCase() };
}

/** Refuses content that has another digest than `sourceHash` (`sha256=<hex>`, or the bare digest) says. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function verifyDigest(source: string, bytes: Uint8Array, sourceHash: string): void {
  const { form, hex } = parseDigest(sourceHash);
  const digest = createHash(form).update(bytes).digest('hex');
  if (digest !== hex) throw otherDigest(source, { form, hex: digest }, hex);
}

/** What is wrong where a source has another digest than the one it should have. */
export function otherDigest(source: string, found: Digest, wanted: string): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${source} has ${found.form} ${found.hex}, not ${wanted}`,
    { source, digest: found.hex },
    { hint: 'Either the file was changed or the digest is of another version.' },
  );
}

/**
 * The digest of one of several names in a file of digests, the names in order of preference; the only one there is
 * where a file holds one digest (Salt 3006 modules/file.py, extract_hash).
 */
export function findDigest(text: string, names: readonly string[]): string | undefined {
  const found = text.split(/\r?\n/).flatMap((line) => {
    const digest =
      /(?<![0-9a-f])(?:[0-9a-f]{128}|[0-9a-f]{96}|[0-9a-f]{64}|[0-9a-f]{56}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])/i.exec(
        line,
      )?.[0];
    return digest === undefined ? [] : [{ digest, words: line.replace(digest, ' ').split(/[\s*()=]+/) }];
  });
  for (const name of names) {
    const match = found.find(({ words }) => words.some((word) => word === name || word.endsWith(`/${name}`)));
    if (match !== undefined) return match.digest;
  }
  const [only, ...others] = found;
  return only !== undefined && others.length === 0 ? only.digest : undefined;
}
