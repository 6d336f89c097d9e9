import { z } from 'zod';

const url = z.url({ protocol: /^https?$/ });

/** One entry of `returners`. */
const returnerConfig = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('file').describe('JSON lines in a file of this machine.'),
    path: z.string().describe('The file.'),
    max_mb: z.number().positive().default(100).describe('Size in megabytes from which on a new file is begun.'),
    keep: z.int().min(0).max(1_000).default(5).describe('How many older files are kept: `<path>.1` is the latest.'),
  }),
  z.strictObject({
    type: z.literal('elasticsearch').describe('Elasticsearch or OpenSearch, by its bulk API.'),
    url: url.describe('Address of the cluster.'),
    index: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]*$/, 'is no name of an index')
      .default('edge')
      .describe('Documents go to `<index>-YYYY.MM.DD`.'),
    username: z.string().optional().describe('User, with `password_file`.'),
    password_file: z.string().optional().describe('File with the password of that user.'),
    api_key_file: z
      .string()
      .optional()
      .describe('File with an API key, as Elasticsearch encodes it, instead of a user.'),
  }),
  z.strictObject({
    type: z.literal('webhook').describe('Signed HTTP requests to an address of yours.'),
    url: url.describe('The address.'),
    secret_file: z.string().describe('File with the secret that signs requests (HMAC-SHA256).'),
  }),
]);
/** How one returner is configured, with its defaults. */
export type ReturnerConfig = z.output<typeof returnerConfig>;

/** `returners` of the master's configuration. */
export const returnersConfig = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'is no name of a returner: use a-z, 0-9 and -'), returnerConfig)
  .default({})
  .describe('Name → where jobs, runs and steps are also told: a file, Elasticsearch or OpenSearch, a webhook.');
