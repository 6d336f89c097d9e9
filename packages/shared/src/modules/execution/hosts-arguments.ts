import { isIP } from 'node:net';
import { z } from 'zod';

/** An address, as text. */
export const ipArg = z
  .string()
  .refine((ip) => isIP(ip) !== 0, 'is not an IP address')
  .describe('IPv4 or IPv6 address.');

/** One name of a host. */
export const hostNameArg = z
  .string()
  .regex(/^[^\s#]+$/, 'is not one name')
  .describe('Name of the host.');

/** Text behind the names. */
export const hostCommentArg = z
  .string()
  .regex(/^[^\n\r]*$/, 'is not one line')
  .transform((comment) => comment.trim())
  .describe('Comment behind the names.');
