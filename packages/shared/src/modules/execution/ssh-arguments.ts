import { z } from 'zod';
import { FINGERPRINT_HASHES, splitOptions } from '../providers/ssh/index.ts';

/** Whose file. */
export const userArg = z
  .string()
  .regex(/^[^-:\s/]\S*$/, 'is not the name of a user')
  .describe('Whose file it is.');

/** Where a file is. */
export const configArg = z
  .string()
  .regex(/^[^\n\r]*[^\n\r/]$/, 'is not the path of a file')
  .describe('Path from the home on, or absolute; %h is the home, %u the user, %% a percent sign.');

/** Where authorized keys are. */
export const authorizedArg = configArg.default('.ssh/authorized_keys').describe(configArg.description!);

/** A key alone. */
export const keyArg = z
  .string()
  .regex(/^\s*[A-Za-z0-9+/]+={0,2}\s*$/, 'is not the base64 of a key')
  .transform((key) => key.trim())
  .describe('The key: base64, without its type.');

/** Type of a key. */
export const encArg = z
  .string()
  .regex(/^[\w@.-]*$/, 'is not the type of a key')
  .nullish()
  .transform((enc) => enc || undefined)
  .describe('Type: ed25519, ecdsa, rsa or a whole name; that of the key where absent.');

/** Text behind a key. */
export const commentArg = z
  .string()
  .regex(/^[^\n\r]*$/, 'is not one line')
  .nullish()
  .transform((comment) => (comment ?? '').trim())
  .describe('Comment behind the key.');

/** What a key may do. */
export const optionsArg = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .transform((options) => splitOptions([options ?? []].flat().join(',')))
  .pipe(z.array(z.string().regex(/^[^\n\r]*$/, 'is not one line')))
  .describe('Options of the key, a list or with commas: `no-pty`, `from="10.0.0.0/8"`.');

/** How fingerprints are made. */
export const hashArg = z
  .enum(FINGERPRINT_HASHES)
  .nullish()
  .transform((hash) => hash ?? undefined)
  .describe('How fingerprints are made; sha256 where absent.');

/** Name of a server. */
export const hostnameArg = z
  .string()
  .regex(/^[^-\s,*?!|#@][^\s,*?!|#@]*$/, 'is not the name of one host')
  .describe('Name or address of the server, or `[name]:port`.');

/** Where known hosts are. */
export const knownHostsArg = configArg
  .nullish()
  .transform((config) => config ?? undefined)
  .describe('The file; `.ssh/known_hosts` of the user, or /etc/ssh/ssh_known_hosts without one.');

/** Whose known hosts. */
export const knownUserArg = userArg
  .nullish()
  .transform((user) => user || undefined)
  .describe('Whose file it is; that of everybody where absent.');

/** Port of a server. */
export const portArg = z.coerce
  .number()
  .int()
  .min(1)
  .max(65_535)
  .nullish()
  .transform((port) => port ?? undefined)
  .describe('Port of the server; 22 where absent.');

/** How long a server may take. */
export const timeoutArg = z.coerce.number().int().min(1).default(5).describe('Seconds to wait for the server.');
