import { createHash, createHmac, randomInt } from 'node:crypto';
import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { PyRandom } from '../../render/index.ts';
import { defineRead, type ExecutionModule, type ModuleContext } from '../contract/index.ts';

const textArg = z.string().describe('The text.');
const algorithmArg = (fallback: 'md5' | 'sha512') =>
  z
    .enum(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'])
    .default(fallback)
    .describe('Algorithm of the digest.');
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** Digests, encodings and chance, for templates. */
export const hashutilFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'hashutil.digest',
    summary: 'Answer the digest of a text.',
    args: z.object({ instr: textArg, checksum: algorithmArg('md5') }),
    returns: 'Hexadecimal digits.',
    examples: [{ title: 'of a text', args: { instr: 'text', checksum: 'sha256' } }],
    run: ({ instr, checksum }) => Promise.resolve(createHash(checksum).update(instr).digest('hex')),
  }),
  ...(['md5', 'sha256', 'sha512'] as const).map((algorithm) =>
    defineRead({
      name: `hashutil.${algorithm}_digest`,
      summary: `Answer the ${algorithm} digest of a text.`,
      args: z.object({ instr: textArg }),
      returns: 'Hexadecimal digits.',
      examples: [],
      run: ({ instr }) => Promise.resolve(createHash(algorithm).update(instr).digest('hex')),
    }),
  ),
  ...(['base64_b64encode', 'base64_b64decode'] as const).map((name) =>
    defineRead({
      name: `hashutil.${name}`,
      summary: name.endsWith('encode') ? 'Answer a text in base64.' : 'Answer the text that base64 stands for.',
      args: z.object({ instr: textArg }),
      returns: 'A text.',
      examples: [],
      run: ({ instr }) =>
        Promise.resolve(
          name.endsWith('encode')
            ? Buffer.from(instr).toString('base64')
            : Buffer.from(instr, 'base64').toString('utf8'),
        ),
    }),
  ),
  defineRead({
    name: 'hashutil.hmac_signature',
    summary: 'Tell whether a text carries the right signature (HMAC-SHA256 in base64).',
    args: z.object({
      string: textArg,
      shared_secret: z.string().describe('The key.'),
      challenge_hmac: z.string().describe('The signature.'),
    }),
    returns: 'True or false.',
    examples: [],
    run: ({ string, shared_secret, challenge_hmac }) =>
      Promise.resolve(createHmac('sha256', shared_secret).update(string).digest('base64') === challenge_hmac),
  }),
  defineRead({
    name: 'random.hash',
    summary: 'Answer the digest of a text.',
    args: z.object({ value: textArg, algorithm: algorithmArg('sha512') }),
    returns: 'Hexadecimal digits.',
    examples: [],
    run: ({ value, algorithm }) => Promise.resolve(createHash(algorithm).update(value).digest('hex')),
  }),
  defineRead({
    name: 'random.seed',
    summary:
      'Answer a number that follows from the id of the host: minutes of a job that is not to run everywhere at once.',
    args: z.object({
      range: z.number().int().positive().default(10).describe('The number is below this.'),
      hash: z.string().optional().describe('Text it follows from; the id of the host where absent.'),
    }),
    returns: 'A number, always the same one.',
    examples: [{ title: 'a minute', args: { range: 60 } }],
    run: ({ range, hash }, ctx) => Promise.resolve(new PyRandom(hash ?? idOf(ctx)).below(range)),
  }),
  defineRead({
    name: 'random.rand_int',
    summary: 'Answer a number by chance.',
    args: z.object({
      start: z.number().int().default(1).describe('The smallest.'),
      end: z.number().int().default(10).describe('The greatest.'),
      seed: z.union([z.string(), z.number()]).optional().describe('With one, the same number each time.'),
    }),
    returns: 'A number.',
    examples: [],
    run: ({ start, end, seed }) => {
      if (end < start) throw new EdgeError('EDGE_BAD_ARGUMENT', `random.rand_int: ${end} is below ${start}`);
      const span = end - start + 1;
      return Promise.resolve(start + (seed === undefined ? randomInt(span) : new PyRandom(seed).below(span)));
    },
  }),
  defineRead({
    name: 'random.get_str',
    summary: 'Answer letters, digits and signs by chance.',
    args: z.object({
      length: z.number().int().positive().max(100_000).default(20).describe('How many.'),
      chars: z.string().optional().describe('What to choose from, instead of the kinds below.'),
      lowercase: z.boolean().default(true).describe('Small letters.'),
      uppercase: z.boolean().default(true).describe('Capital letters.'),
      digits: z.boolean().default(true).describe('Digits.'),
      punctuation: z.boolean().default(true).describe('Signs.'),
      whitespace: z.boolean().default(false).describe('Spaces.'),
    }),
    returns: 'A text, another one each time.',
    examples: [],
    run: ({ length, chars, ...kinds }) => {
      const letters = 'abcdefghijklmnopqrstuvwxyz';
      const pool =
        chars ??
        [
          kinds.lowercase ? letters : '',
          kinds.uppercase ? letters.toUpperCase() : '',
          kinds.digits ? '0123456789' : '',
          kinds.punctuation ? PUNCTUATION : '',
          kinds.whitespace ? ' ' : '',
        ].join('');
      if (pool === '') throw new EdgeError('EDGE_BAD_ARGUMENT', 'random.get_str has nothing to choose from');
      return Promise.resolve(Array.from({ length }, () => pool[randomInt(pool.length)]).join(''));
    },
  }),
];

function idOf({ facts, host }: ModuleContext): string {
  const id = facts.get('id');
  return typeof id === 'string' ? id : host.id;
}
