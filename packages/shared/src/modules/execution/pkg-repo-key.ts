import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import type { ModuleContext } from '../contract/index.ts';
import { download } from '../operations/index.ts';
import {
  type AptSource,
  bareKeyId,
  dearmoured,
  isKeyOf,
  keyFingerprints,
  keyringPath,
  keyringsFor,
  readKeyring,
  writeKeyring,
} from '../providers/apt/index.ts';
import { fetchUrl } from './cp-files.ts';
import type { RepositoryArgs } from './pkg-repo-arguments.ts';

/** A key that is not where it belongs. */
export interface MissingKey {
  /** File it is to be in. */
  readonly path: string;
  /** True where the file holds other keys by now. */
  readonly isThere: boolean;
  write(ctx: ModuleContext<Host>): Promise<void>;
}

type KeyArgs = Pick<RepositoryArgs, 'keyid' | 'keyserver' | 'key_url' | 'key_text'>;

/**
 * What has to be written for the host to have the key of a source; undefined where it has it. A key of an http address
 * is asked for only while its file has none: neither plans nor runs depend on that server later.
 */
export async function missingKey(
  ctx: ModuleContext,
  source: AptSource,
  { keyid, keyserver, key_url, key_text }: KeyArgs,
): Promise<MissingKey | undefined> {
  if (keyid !== undefined && keyserver !== undefined) return await missingIds(ctx, source, keyid, keyserver);
  if (key_url === undefined && key_text === undefined) return undefined;
  const path = keyringPath(source);
  const found = await readKeyring(ctx.host, path);
  const isThere = found.fingerprints.length > 0;
  if (key_url !== undefined && /^https?:/.test(key_url)) {
    if (isThere) return undefined;
    return { path, isThere, write: async (writer) => writeKeyring(writer.host, path, await keysOf(writer, key_url)) };
  }
  const content = key_text === undefined ? await keysOf(ctx, key_url!) : checked('key_text', Buffer.from(key_text));
  if (Buffer.compare(dearmoured(content), dearmoured(found.content)) === 0) return undefined;
  return { path, isThere, write: ({ host }) => writeKeyring(host, path, content) };
}

async function missingIds(
  ctx: ModuleContext,
  source: AptSource,
  keyids: readonly string[],
  keyserver: string,
): Promise<MissingKey | undefined> {
  const known = (await keyringsFor(ctx.host, source)).flatMap(({ fingerprints }) => fingerprints);
  const missing = keyids.filter((keyid) => !known.some((fingerprint) => isKeyOf(keyid, fingerprint)));
  if (missing.length === 0) return undefined;
  const path = keyringPath(source);
  return {
    path,
    isThere: (await readKeyring(ctx.host, path)).fingerprints.length > 0,
    async write({ host, signal }) {
      const parts = [dearmoured((await readKeyring(host, path)).content)];
      for (const keyid of missing) parts.push(dearmoured(await askKeyserver(keyserver, keyid, signal)));
      await writeKeyring(host, path, new Uint8Array(Buffer.concat(parts)));
    },
  };
}

/** The address at which a key server answers with a key, in the protocol of key servers (draft-shaw-openpgp-hkp). */
export function keyserverUrl(keyserver: string, keyid: string): string {
  const [, scheme = 'hkps', place = ''] = /^(?:(hkps?|https?):\/\/)?(.*?)\/*$/.exec(keyserver) ?? [];
  const base =
    scheme === 'hkp'
      ? `http://${/:\d+$/.test(place) ? place : `${place}:11371`}`
      : `${scheme.replace('hkp', 'http')}://${place}`;
  return `${base}/pks/lookup?op=get&options=mr&search=0x${bareKeyId(keyid)}`;
}

/** A server may answer with anything; only the key that was asked for is taken. */
async function askKeyserver(keyserver: string, keyid: string, signal: AbortSignal): Promise<Uint8Array> {
  const url = keyserverUrl(keyserver, keyid);
  const content = await download(url, signal);
  const fingerprints = content === undefined ? [] : keyFingerprints(content);
  if (content !== undefined && fingerprints.length > 0 && fingerprints.every((found) => isKeyOf(keyid, found)))
    return content;
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `${keyserver} has no key ${keyid}${fingerprints.length > 0 ? `: it answered with ${fingerprints.join(', ')}` : ''}`,
    { url },
    { hint: 'Check keyid, at best the whole fingerprint, and keyserver; or give the key as key_url or key_text.' },
  );
}

async function keysOf(ctx: ModuleContext, url: string): Promise<Uint8Array> {
  const content = await fetchUrl(ctx, url, {});
  if (content !== undefined) return checked(url, content.bytes);
  throw new EdgeError('EDGE_FILE_NOT_FOUND', `key_url ${url} is not there`, { key_url: url });
}

function checked(source: string, content: Uint8Array): Uint8Array {
  if (keyFingerprints(content).length > 0) return content;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${source} holds no OpenPGP public key`,
    { source },
    { hint: 'It has to be what gpg --export, or gpg --export --armor, writes.' },
  );
}
