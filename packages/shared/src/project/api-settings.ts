import { z } from 'zod';

/** The HTTP API: events over WebSocket, runs and jobs over HTTP. */
export const apiConfig = z.strictObject({
  host: z
    .string()
    .default('127.0.0.1')
    .describe('Address it listens on. Other machines reach it only with `tls`: the token is all that protects it.'),
  port: z.int().min(1).max(65_535).optional().describe('Port it listens on; a free one when absent.'),
  token_file: z
    .string()
    .optional()
    .describe('File of the token that callers must show; made at the first start. `api-token` of the data directory.'),
  tls: z
    .union([
      z.literal('generated'),
      z.strictObject({
        cert_file: z.string().describe('Certificate of the server, with those between it and the authority.'),
        key_file: z.string().describe('Its private key.'),
      }),
    ])
    .optional()
    .describe(
      'Encryption: your certificate, or a `generated` one of an authority of its own, `api-tls/ca.crt` of the data directory.',
    ),
  max_clients: z
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('How many may watch events at a time; more are turned away.'),
});
export type ApiConfig = z.output<typeof apiConfig>;
