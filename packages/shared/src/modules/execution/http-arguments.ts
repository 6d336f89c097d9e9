import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';

const statusValue = z.union([z.number(), z.string()]);

/** Arguments of a question over HTTP, in Salt's order (Salt 3006 utils/http.py, query). */
export const httpArgs = {
  url: z
    .string()
    .regex(/^https?:\/\//, 'not an http address')
    .describe('Address.'),
  method: z
    .string()
    .regex(/^[A-Za-z]+$/, 'not a method of HTTP')
    .default('GET')
    .transform((method) => method.toUpperCase())
    .describe('GET, POST, PUT, …'),
  params: anyValue().optional().describe('Mapping, or text `a=1&b=2`, added to the address as a query.'),
  data: anyValue()
    .optional()
    .describe('Body: a text, or a mapping or list sent as JSON (as a form where the content type says so).'),
  data_file: z.string().optional().describe('File on the host that is sent as the body.'),
  header_dict: anyValue().optional().describe('Mapping of headers.'),
  header_list: z.array(z.string()).optional().describe('Headers as texts: `Name: value`.'),
  header_file: z
    .string()
    .optional()
    .describe('File on the host with a header `Name: value` on each line: what it holds is in no plan.'),
  username: z.string().optional().describe('User of basic authentication.'),
  password: z.string().optional().describe('Password of basic authentication.'),
  decode: z.boolean().default(false).describe('Read the body into `dict`.'),
  decode_type: z
    .enum(['auto', 'json', 'yaml', 'plain'])
    .default('auto')
    .describe('What the body is; auto goes by the content type of the answer, and takes JSON where it says nothing.'),
  timeout: z.coerce.number().positive().max(86_400).default(60).describe('Seconds that one question may take.'),
  verify_ssl: z.boolean().default(true).describe('False takes any certificate of the server.'),
  ca_bundle: z
    .string()
    .optional()
    .describe('File of certificates in PEM to trust in place of the usual ones, on the host.'),
  cert: z
    .union([z.string(), z.array(z.string()).min(1).max(2)])
    .optional()
    .describe('Certificate of who asks, on the host: a file in PEM that holds its key too, or a list of both files.'),
  agent: z.string().optional().describe('Name of who asks: the header User-Agent.'),
  backend: z.string().optional().describe('Accepted as in Salt; there is one client.'),
  status_type: z.enum(['string', 'list', 'pcre']).default('string').describe('How status is compared.'),
  match: z.string().optional().describe('Text, or expression, the body must hold.'),
  match_type: z.enum(['string', 'pcre']).default('string').describe('How match is compared.'),
  raise_error: z.boolean().default(true).describe('False answers `error` where nobody answers, instead of failing.'),
};

/** What a status may be compared with. */
export const expectedStatus = z.union([statusValue, z.array(statusValue).min(1)]);

/** Arguments of those who ask more than once. */
export const waitArgs = {
  wait_for: z.coerce.number().positive().default(300).describe('Seconds to go on asking.'),
  request_interval: z.coerce.number().min(0.05).default(1).describe('Seconds between two questions.'),
};

/** A question over HTTP as it was asked. */
export type HttpArgs = z.output<z.ZodObject<typeof httpArgs>>;

/** What of a question goes over the wire; the rest judges and shows the answer. */
export type HttpQuestionArgs = Pick<HttpArgs, 'url' | 'method' | 'timeout'> &
  Partial<
    Pick<
      HttpArgs,
      | 'params'
      | 'data'
      | 'data_file'
      | 'header_dict'
      | 'header_list'
      | 'header_file'
      | 'username'
      | 'password'
      | 'verify_ssl'
      | 'ca_bundle'
      | 'cert'
      | 'agent'
    >
  >;
