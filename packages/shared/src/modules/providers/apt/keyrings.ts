import { dirname } from 'node:path/posix';
import type { Host, HostReader } from '../../../host/index.ts';
import { makeDirectories, readIfPresent } from '../../operations/index.ts';
import { namesIn } from './access.ts';
import { armoured, dearmoured, isKeyOf, keyFingerprints } from './openpgp.ts';
import { type AptSource, signedBy } from './source.ts';

const TRUSTED = '/etc/apt/trusted.gpg';
const TRUSTED_PARTS = '/etc/apt/trusted.gpg.d';
const KEYRINGS = '/etc/apt/keyrings';

/** A file of keys and whose they are. */
export interface Keyring {
  readonly path: string;
  readonly content: Uint8Array;
  readonly fingerprints: readonly string[];
}

/** Where the keys of a source belong: the file it says it is signed by, else one of those every source is trusted by. */
export function keyringPath(source: AptSource): string {
  const named = signedBy(source)
    .split(',')
    .find((path) => path.startsWith('/'));
  if (named !== undefined) return named;
  const slug = source.uri.replace(/^[\w+.-]+:\/+(?:[^/]*@)?/, '').replace(/[^\w.]+/g, '-');
  return `${TRUSTED_PARTS}/${slug.replace(/^[-.]+|[-.]+$/g, '') || 'repository'}.gpg`;
}

/** The keyring of a path; without keys where there is none. */
export async function readKeyring(host: HostReader, path: string): Promise<Keyring> {
  const content = (await readIfPresent(host, path)) ?? new Uint8Array();
  return { path, content, fingerprints: keyFingerprints(content) };
}

/** The keyrings in which a key of a source may be: its own, or all that every source is trusted by. */
export async function keyringsFor(host: HostReader, source: AptSource): Promise<readonly Keyring[]> {
  const own = keyringPath(source);
  if (!own.startsWith(`${TRUSTED_PARTS}/`)) return [await readKeyring(host, own)];
  return await trustedKeyrings(host, [TRUSTED_PARTS], [TRUSTED, own]);
}

/** Keyrings of the host that hold one key and no other. */
export async function keyringsOnlyOf(host: HostReader, source: AptSource, keyid: string): Promise<readonly string[]> {
  const all = await trustedKeyrings(host, [TRUSTED_PARTS, KEYRINGS], [keyringPath(source)]);
  return all
    .filter(
      ({ fingerprints: [first, ...others] }) => first !== undefined && others.length === 0 && isKeyOf(keyid, first),
    )
    .map(({ path }) => path);
}

/** Writes keys in the form that the name of the file promises, readable by everybody. */
export async function writeKeyring(host: Host, path: string, content: Uint8Array): Promise<void> {
  await makeDirectories(host, dirname(path), { mode: 0o755 });
  const bytes = path.endsWith('.asc') ? armoured(content) : dearmoured(content);
  await host.writeFile(path, bytes, { mode: 0o644 });
}

async function trustedKeyrings(
  host: HostReader,
  dirs: readonly string[],
  paths: readonly string[],
): Promise<readonly Keyring[]> {
  const listed: string[] = [];
  for (const dir of dirs)
    listed.push(
      ...(await namesIn(host, dir)).filter((name) => /\.(gpg|asc)$/.test(name)).map((name) => `${dir}/${name}`),
    );
  const keyrings: Keyring[] = [];
  for (const path of new Set([...listed, ...paths])) keyrings.push(await readKeyring(host, path));
  return keyrings;
}
