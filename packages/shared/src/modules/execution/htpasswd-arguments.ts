import { z } from 'zod';

/** The file passwords of web servers are in. */
export const passwordFileArg = z.string().startsWith('/').describe('File of the names and passwords.');
/** The user of the host who reads and writes it. */
export const runAsArg = z
  .string()
  .nullish()
  .transform((user) => user || undefined)
  .describe('User of the host to run htpasswd as.');
/** A name in such a file. */
export const webUserArg = z
  .string()
  .regex(/^[^-:\s][^:\n\r]*$/, 'is a name without a colon, and does not begin with -')
  .describe('User of the web server.');
/** A password in such a file. */
export const webPasswordArg = z
  .union([z.string(), z.number()])
  .transform(String)
  .refine((text) => !/[\n\r\0]/.test(text), 'is one line')
  .describe('The password.');
/** How htpasswd keeps a password. */
export const htpasswdOptionsArg = z
  .string()
  .nullish()
  .transform((letters) => (letters ?? '').replace(/^-+/, ''))
  .refine((letters) => /^[mBds25]*$/.test(letters), 'm, B, s, 2, 5 or d: how htpasswd is to keep passwords')
  .describe('How it is kept: m (MD5 of Apache, as htpasswd does without), B (bcrypt), 2 or 5 (SHA), s or d.');
