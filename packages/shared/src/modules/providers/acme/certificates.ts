import { join } from 'node:path/posix';
import type { Command, Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { mustProbe, mustRun } from '../../operations/index.ts';

const LIVE = '/etc/letsencrypt/live';
/** The first that is there is used (Salt 3006 modules/acme.py). */
const CLIENTS = [
  ...['certbot', 'letsencrypt', 'certbot-auto', 'letsencrypt-auto'],
  '/opt/letsencrypt/letsencrypt-auto',
] as const;
const FIND = 'for p in "$@"; do command -v "$p" >/dev/null 2>&1 && { echo "$p"; exit 0; }; done; exit 1';
const DAY_SECONDS = 86_400;
/** Challenges are answered over the network, some through DNS. */
const ISSUED_WITHIN_MS = 900_000;

/** What a certificate is to be and how it is asked for. */
export interface CertificateRequest {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly email?: string | undefined;
  /** True: the path that the client is configured with. */
  readonly webroot?: string | true | undefined;
  readonly testCert: boolean;
  readonly keysizeBits?: number | undefined;
  readonly server?: string | undefined;
  readonly certname?: string | undefined;
  /** Options handed on as they are: `http-01-port` → `8080`. */
  readonly options: Readonly<Record<string, string | number | undefined>>;
  readonly dns?:
    | { readonly plugin: string; readonly credentials?: string | undefined; readonly propagationSeconds: number }
    | undefined;
}

/** Path of a part of a certificate: `cert`, `privkey`, `chain` or `fullchain`. */
export function certificateFile(certname: string, part: 'cert' | 'privkey'): string {
  return join(LIVE, certname, `${part}.pem`);
}

/** The names of the certificates that the client keeps on the host. */
export async function listCertificates(host: HostReader): Promise<readonly string[]> {
  if ((await host.stat(LIVE)) === undefined) return [];
  return (await host.list(LIVE)).filter(({ kind }) => kind === 'directory').map(({ name }) => name);
}

/** Whether the client keeps a certificate on the host. */
export async function hasCertificate(host: HostReader, certname: string): Promise<boolean> {
  return (await host.stat(certificateFile(certname, 'cert'))) !== undefined;
}

/** When a certificate ends. @throws EdgeError `EDGE_COMMAND_FAILED` where there is none */
export async function certificateEnd(host: HostReader, certname: string): Promise<Date> {
  const file = certificateFile(certname, 'cert');
  const { stdout } = await mustProbe(host, ['openssl', 'x509', '-in', file, '-noout', '-enddate']);
  const end = parseEnd(stdout);
  if (end !== undefined) return end;
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `openssl did not say when ${file} on ${host.id} ends: ${stdout.trim().slice(0, 200)}`,
    { file },
    { hint: `Look at it with: openssl x509 -in ${file} -noout -text` },
  );
}

/** Reads `notAfter=Feb 20 00:48:09 2027 GMT`; undefined when it is no such line. */
export function parseEnd(text: string): Date | undefined {
  const at = Date.parse(/^notAfter=(.+)$/m.exec(text)?.[1] ?? '');
  return Number.isNaN(at) ? undefined : new Date(at);
}

/** An instant as Salt writes it, in UTC: `2027-02-20T00:48:09`. */
export function isoText(at: Date): string {
  return at.toISOString().slice(0, 19);
}

/** Whether a certificate ends within days, by the clock of the host. */
export async function endsWithin(host: HostReader, certname: string, days: number): Promise<boolean> {
  const words = ['-noout', '-checkend', String(days * DAY_SECONDS)] as const;
  return (await host.probe(['openssl', 'x509', '-in', certificateFile(certname, 'cert'), ...words])).exitCode !== 0;
}

/** The words that the client is called with. */
function clientWords(request: CertificateRequest, { isRenewal }: { readonly isRenewal: boolean }): string[] {
  const { dns, webroot } = request;
  const option = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [`--${name}`, String(value)];
  const how =
    webroot !== undefined
      ? ['--authenticator', 'webroot', ...option('webroot-path', webroot === true ? undefined : webroot)]
      : dns === undefined
        ? ['--authenticator', 'standalone']
        : [
            `--dns-${dns.plugin}`,
            ...option(`dns-${dns.plugin}-credentials`, dns.credentials),
            ...option(`dns-${dns.plugin}-propagation-seconds`, dns.propagationSeconds),
          ];
  return [
    ...['certonly', '--non-interactive', '--agree-tos'],
    ...(isRenewal ? ['--renew-by-default'] : []),
    ...option('server', request.server),
    ...option('cert-name', request.certname),
    ...(request.testCert ? ['--test-cert'] : []),
    ...how,
    ...option('email', request.email),
    ...option('rsa-key-size', request.keysizeBits),
    ...Object.entries(request.options).flatMap(([name, value]) => option(name, value)),
    ...[request.name, ...request.aliases].flatMap((domain) => ['--domains', domain]),
  ];
}

/** Asks for a certificate, or for a new one in its place. @throws EdgeError `EDGE_COMMAND_FAILED`, `EDGE_COMMAND_NOT_FOUND` */
export async function issueCertificate(
  host: Host,
  request: CertificateRequest,
  options: { readonly isRenewal: boolean },
): Promise<void> {
  const command: Command = [await findClient(host), ...clientWords(request, options)];
  const first = await host.exec(command, { timeoutMs: ISSUED_WITHIN_MS });
  if (first.exitCode === 0) return;
  // More names than the certificate has had so far.
  const again: Command = /expand/.test(first.stderr) ? [...command, '--expand'] : command;
  if (again !== command) {
    await mustRun(host, again, { timeoutMs: ISSUED_WITHIN_MS });
    return;
  }
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `${command[0]} could not get the certificate ${request.name} on ${host.id}: ${first.stderr.trim().slice(-2000)}`,
    { exitCode: first.exitCode, stderr: first.stderr.slice(-2000) },
    { hint: 'See /var/log/letsencrypt/letsencrypt.log on the host.' },
  );
}

async function findClient(host: HostReader): Promise<string> {
  const { stdout, exitCode } = await host.probe(['sh', '-c', FIND, 'sh', ...CLIENTS]);
  if (exitCode === 0) return stdout.trim();
  throw new EdgeError(
    'EDGE_COMMAND_NOT_FOUND',
    `there is no certbot on ${host.id}`,
    {},
    { hint: 'Install the package certbot first.' },
  );
}
