import { z } from 'zod';
import { FSTAB_FIELDS, unescapeOctal } from '../providers/mount/index.ts';

const word = z
  .string()
  .min(1)
  .regex(/^[^\n\r]+$/, 'is not one line')
  .transform(unescapeOctal);

/** A directory, or `none`, without slashes at its end. */
export const pointArg = word
  .transform((name) => (name === '/' ? name : name.replace(/\/+$/, '')))
  .describe('Directory it is mounted on.');

/** Device as mount takes it. */
export const deviceArg = word.describe('Device, directory for a bind mount, or UUID=…, LABEL=….');

/** Type of a file system. */
export const fstypeArg = z.string().regex(/^[\w.+-]+$/, 'is not the name of a file system');

/** Options, as a list or with commas between. */
export const optsArg = z
  .union([z.string(), z.array(z.union([z.string(), z.number()]).transform(String))])
  .transform((opts) => (typeof opts === 'string' ? opts.split(',') : opts).map((option) => option.trim()))
  .transform((opts) => opts.filter((option) => option !== ''))
  .refine((opts) => opts.every((option) => !/\s/.test(option)), 'an option holds a space')
  .prefault('defaults')
  .describe('Options, a list or with commas.');

/** The sixth and fifth fields of fstab. */
export const numberField = z.union([z.number(), z.string()]).transform(String).pipe(z.string().regex(/^\d+$/));

/** Where fstab is. */
export const configArg = z
  .string()
  .regex(/^\//, 'is not an absolute path')
  .default('/etc/fstab')
  .describe('The file of entries.');

/** By which fields an entry of fstab is recognised. */
export const matchOnArg = z
  .union([z.literal('auto'), z.enum(FSTAB_FIELDS), z.array(z.enum(FSTAB_FIELDS)).min(1)])
  .transform((given) => (given === 'auto' ? given : typeof given === 'string' ? [given] : given))
  .prefault('auto')
  .describe('Fields by which an entry is recognised; `auto` takes the mount point where the device tells nothing.');

/** Who mounts. */
export const mountUserArg = z.string().nullish().describe('User to mount as; who the agent runs as where absent.');
