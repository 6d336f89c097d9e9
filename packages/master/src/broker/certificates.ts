import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, EdgeError, errorMessage } from '@edge-run/shared/kernel';

/** Files of a server's certificate, and of the authority that signed it. */
export interface Certificates {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

const run = promisify(execFile);
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** Some clients refuse longer ones. */
const SERVER_DAYS = 397;
/** A certificate with less left is made anew. */
const RENEW_BEFORE_MS = 60 * DAY_MS;
const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/**
 * Certificates of an authority of our own, made by `openssl` where they are not there: one for the server, good for
 * `names` and every address of this machine; made anew when it ends soon or lacks a name. The authority stays the same,
 * since minions know it.
 * @throws EdgeError `EDGE_BROKER_FAILED`
 */
export async function ownCertificates(
  directory: string,
  names: readonly string[],
  clock: Clock,
): Promise<Certificates> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(directory, name);
  const files = { certFile: path('server.crt'), keyFile: path('server.key'), caFile: path('ca.crt') };
  if ((await readCertificate(files.caFile)) === undefined) await makeAuthority(path);
  const wanted = [...new Set([...names, 'localhost', hostname(), ...ownAddresses()])].sort();
  const present = await readCertificate(files.certFile);
  if (present === undefined || !isGood(present, wanted, clock)) await makeServer(path, wanted);
  return files;
}

/** True for a certificate that covers the names for a while. */
function isGood(certificate: X509Certificate, names: readonly string[], clock: Clock): boolean {
  const endsAt = Date.parse(certificate.validTo);
  return endsAt - clock.now() > RENEW_BEFORE_MS && names.every((name) => covers(certificate, name));
}

function covers(certificate: X509Certificate, name: string): boolean {
  return (isAddress(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
}

function isAddress(name: string): boolean {
  return /^[\d.]+$/.test(name) || name.includes(':');
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address)
    .filter((address) => !address.startsWith('fe80:'));
}

async function makeAuthority(path: (name: string) => string): Promise<void> {
  await openssl([
    ...['req', '-x509', ...EC_KEY, '-keyout', path('ca.key'), '-out', path('ca.crt.new')],
    ...['-days', String(AUTHORITY_DAYS), '-subj', `/CN=Edge ${hostname()}`],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  await chmod(path('ca.key'), 0o600);
  await rename(path('ca.crt.new'), path('ca.crt'));
}

async function makeServer(path: (name: string) => string, names: readonly string[]): Promise<void> {
  const alternatives = names.map((name) => `${isAddress(name) ? 'IP' : 'DNS'}:${name}`).join(',');
  await writeFile(path('server.ext'), `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth\n`);
  await openssl([
    ...['req', '-new', ...EC_KEY, '-keyout', path('server.key.new'), '-out', path('server.csr')],
    ...['-subj', `/CN=${hostname().slice(0, 64)}`],
  ]);
  await openssl([
    ...['x509', '-req', '-in', path('server.csr'), '-CA', path('ca.crt'), '-CAkey', path('ca.key')],
    ...[
      '-CAcreateserial',
      '-days',
      String(SERVER_DAYS),
      '-extfile',
      path('server.ext'),
      '-out',
      path('server.crt.new'),
    ],
  ]);
  await chmod(path('server.key.new'), 0o600);
  await rename(path('server.key.new'), path('server.key'));
  await rename(path('server.crt.new'), path('server.crt'));
}

async function openssl(words: readonly string[]): Promise<void> {
  try {
    await run('openssl', words, { timeout: 30_000 });
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new EdgeError(
      'EDGE_BROKER_FAILED',
      isMissing ? 'openssl, which makes certificates, is not installed' : `openssl failed: ${errorMessage(cause)}`,
      {},
      {
        hint: 'Install openssl (apt-get install openssl), or give certificates of your own with nats.tls.',
        cause,
      },
    );
  }
}

async function readCertificate(file: string): Promise<X509Certificate | undefined> {
  try {
    return new X509Certificate(await readFile(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new EdgeError(
      'EDGE_BROKER_FAILED',
      `${file} is not a certificate: ${errorMessage(error)}`,
      { file },
      { hint: `Remove it: it is made anew.`, cause: error },
    );
  }
}
