import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { applyOwnership, followLinks, mustProbe } from '../operations/index.ts';
import {
  type CertificateRequest,
  certificateEnd,
  certificateFile,
  endsWithin,
  hasCertificate,
  isoText,
  issueCertificate,
  listCertificates,
} from '../providers/acme/index.ts';
import { parseMode } from '../text/index.ts';

const domain = z.string().regex(/^(\*\.)?[A-Za-z0-9][\w.-]*$/, 'is not a domain');
const port = z.number().int().min(1).max(65_535).optional();
const address = z
  .string()
  .regex(/^[\w.:]+$/)
  .optional();
const certnameArg = z.string().regex(/^[A-Za-z0-9*][\w.*-]*$/, 'is not the name of a certificate');

/** When a certificate is replaced. */
export const windowArg = z
  .union([z.boolean(), z.number(), z.string()])
  .refine((value) => typeof value !== 'string' || /^(force|\d+)$/i.test(value), 'is neither True, force nor days')
  .transform((value): number | 'force' => {
    if (value === true || /^force$/i.test(String(value))) return 'force';
    return value === false ? 0 : Number(value);
  })
  .pipe(z.union([z.literal('force'), z.number().int().min(0)]))
  .prefault(0);

/** A certificate and how it is asked for. */
export const certificateArgs = {
  name: domain.describe('Common name: the domain.'),
  aliases: z.array(domain).default([]).describe('More domains.'),
  email: z
    .string()
    .regex(/^[^\s-]\S*@\S+$/)
    .optional()
    .describe('Whom the authority writes to.'),
  webroot: z
    .union([z.boolean(), z.string().startsWith('/')])
    .optional()
    .describe('Directory of the web server that answers; True: as configured; else certbot answers itself.'),
  test_cert: z.boolean().default(false).describe('From the staging authority, instead of `server`.'),
  renew: windowArg.describe('Days before its end it is renewed; True or `force`: in any case.'),
  keysize: z.number().int().min(1024).optional().describe('Bits of an RSA key.'),
  server: z.url().optional().describe('Address of the authority.'),
  owner: z.string().default('root').describe('Owner of the private key.'),
  group: z.string().default('root').describe('Group of the private key.'),
  mode: z
    .union([z.string(), z.number()])
    .transform(String)
    .pipe(z.string().regex(/^0?[0-7]{3,4}$/, 'is not a mode'))
    .prefault('0640')
    .describe('Permissions of the private key.'),
  certname: certnameArg.optional().describe('Name it is kept by; the common name where absent.'),
  preferred_challenges: z
    .string()
    .regex(/^[\w,-]+$/)
    .optional()
    .describe('Challenges, the best first: `dns,http`.'),
  tls_sni_01_port: port.describe('Port of the challenge tls-sni-01, of old certbots.'),
  tls_sni_01_address: address.describe('Address of the challenge tls-sni-01, of old certbots.'),
  http_01_port: port.describe('Port certbot listens on for the challenge http-01.'),
  http_01_address: address.describe('Address certbot listens on for the challenge http-01.'),
  dns_plugin: z
    .string()
    .regex(/^[a-z0-9]+$/)
    .optional()
    .describe('Plugin that answers through DNS: `cloudflare`.'),
  dns_plugin_credentials: z.string().startsWith('/').optional().describe('File with what the plugin logs in with.'),
  dns_plugin_propagate_seconds: z.number().int().min(0).default(10).describe('How long the plugin waits for DNS.'),
};
const certificateObject = z.object(certificateArgs);

/** Arguments of a certificate. */
export type CertificateArgs = z.output<typeof certificateObject>;

/** Certificates of an ACME authority such as Let's Encrypt, through certbot. */
export const acmeFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'acme.cert',
    summary: 'Get a certificate, or a new one in its place when its end is near.',
    args: certificateObject,
    returns: 'A mapping: `result`, `comment`, `not_after`.',
    examples: [{ title: 'two domains', args: { name: 'example.com', aliases: ['www.example.com'], renew: 14 } }],
    async run(args, { host }) {
      const certname = args.certname ?? args.name;
      const isThere = await hasCertificate(host, certname);
      if (isThere && !(await isDue(host, certname, args.renew)))
        return { result: true, comment: `Certificate ${certname} unchanged`, not_after: await endOf(host, certname) };
      await getCertificate(host, args, { isRenewal: isThere });
      const comment = `Certificate ${certname} ${isThere ? 'renewed' : 'obtained'}`;
      return { result: true, comment, not_after: await endOf(host, certname) };
    },
  }),
  defineRead({
    name: 'acme.certs',
    summary: 'Answer the names of the certificates that certbot keeps.',
    args: z.object({}),
    returns: 'A list of names.',
    examples: [],
    run: (_, { host }) => listCertificates(host),
  }),
  defineRead({
    name: 'acme.has',
    summary: 'Answer whether certbot keeps a certificate.',
    args: z.object({ name: certnameArg.describe('Name of the certificate.') }),
    returns: 'True or false.',
    examples: [],
    run: ({ name }, { host }) => hasCertificate(host, name),
  }),
  defineRead({
    name: 'acme.info',
    summary: 'Answer what a certificate says.',
    args: z.object({ name: certnameArg.describe('Name of the certificate.') }),
    returns: 'A mapping: `text` as openssl writes it, `not_after`; empty where there is none.',
    examples: [],
    async run({ name }, { host }) {
      if (!(await hasCertificate(host, name))) return {};
      const command = ['openssl', 'x509', '-in', certificateFile(name, 'cert'), '-noout', '-text'] as const;
      return { text: (await mustProbe(host, command)).stdout, not_after: await endOf(host, name) };
    },
  }),
  defineRead({
    name: 'acme.expires',
    summary: 'Answer when a certificate ends.',
    args: z.object({ name: certnameArg.describe('Name of the certificate.') }),
    returns: 'An instant in UTC: `2027-02-20T00:48:09`.',
    examples: [],
    run: ({ name }, { host }) => endOf(host, name),
  }),
  defineRead({
    name: 'acme.renew_by',
    summary: 'Answer when a certificate is to be renewed.',
    args: z.object({
      name: certnameArg.describe('Name of the certificate.'),
      window: z.number().int().min(0).default(0).describe('Days before its end.'),
    }),
    returns: 'An instant in UTC: `2027-02-20T00:48:09`.',
    examples: [],
    async run({ name, window }, { host }) {
      const end = await certificateEnd(host, name);
      return isoText(new Date(end.getTime() - window * 86_400_000));
    },
  }),
  defineRead({
    name: 'acme.needs_renewal',
    summary: 'Answer whether a certificate is to be renewed now.',
    args: z.object({
      name: certnameArg.describe('Name of the certificate.'),
      window: windowArg.describe('Days before its end; True or `force`: in any case.'),
    }),
    returns: 'True or false.',
    examples: [],
    run: ({ name, window }, { host }) => isDue(host, name, window),
  }),
];

/** Whether a certificate is to be renewed. */
export async function isDue(host: HostReader, certname: string, window: number | 'force'): Promise<boolean> {
  return window === 'force' || (await endsWithin(host, certname, window));
}

/** Gets a certificate and gives its private key the owner and permissions of the arguments. */
export async function getCertificate(
  host: Parameters<typeof issueCertificate>[0],
  args: CertificateArgs,
  options: { readonly isRenewal: boolean },
): Promise<void> {
  await issueCertificate(host, requestOf(args), options);
  await applyOwnership(host, await keyFile(host, args), ownershipOf(args));
}

/** The file of the private key behind the link that certbot keeps. */
export function keyFile(host: HostReader, { name, certname }: CertificateArgs): Promise<string> {
  return followLinks(host, certificateFile(certname ?? name, 'privkey'));
}

/** Who may read the private key. */
export function ownershipOf({ owner, group, mode }: CertificateArgs): { user: string; group: string; mode: number } {
  return { user: owner, group, mode: parseMode(mode) };
}

function requestOf(args: CertificateArgs): CertificateRequest {
  if (args.server !== undefined && args.test_cert)
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'Use either server or test_cert, not both', {}, { hint: 'Drop one.' });
  return {
    ...{ name: args.name, aliases: args.aliases, email: args.email, testCert: args.test_cert, server: args.server },
    ...{
      keysizeBits: args.keysize,
      certname: args.certname,
      webroot: args.webroot === false ? undefined : args.webroot,
    },
    options: {
      'preferred-challenges': args.preferred_challenges,
      'tls-sni-01-port': args.tls_sni_01_port,
      'tls-sni-01-address': args.tls_sni_01_address,
      'http-01-port': args.http_01_port,
      'http-01-address': args.http_01_address,
    },
    dns:
      args.dns_plugin === undefined
        ? undefined
        : {
            plugin: args.dns_plugin,
            credentials: args.dns_plugin_credentials,
            propagationSeconds: args.dns_plugin_propagate_seconds,
          },
  };
}

async function endOf(host: HostReader, certname: string): Promise<string> {
  return isoText(await certificateEnd(host, certname));
}
