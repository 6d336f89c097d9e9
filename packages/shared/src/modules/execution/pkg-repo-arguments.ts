import { z } from 'zod';
import { type AptSource, MAIN_FILE, parseSourceLine, type RepositoryGoal } from '../providers/apt/index.ts';

const flag = (): z.ZodOptional<z.ZodBoolean> => z.boolean().optional();
const listed = z
  .union([z.string(), z.array(z.union([z.string(), z.number()]).transform(String))])
  .transform((given) =>
    (typeof given === 'string' ? given.split(',') : given).map((part) => part.trim()).filter(Boolean),
  );

/** Arguments of a source of packages, in Salt's names, beside the line itself. */
export const repositoryArgs = {
  file: z
    .string()
    .startsWith('/')
    .default(MAIN_FILE)
    .describe('File of a source that is new; `.sources` gets a stanza.'),
  dist: z.string().optional().describe('Release, instead of that of the line.'),
  comps: listed.optional().describe('Components, instead of those of the line; with commas, or a list.'),
  architectures: listed.optional().describe('Only these architectures; with commas, or a list.'),
  enabled: flag().describe('False: have the source there, switched off.'),
  disabled: flag().describe('True: have the source there, switched off.'),
  comments: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('What stands behind the source as a comment.'),
  clean_file: z.boolean().default(false).describe('Take everything else out of the file when the source is written.'),
  consolidate: z
    .boolean()
    .default(false)
    .describe(
      'Bring all one-line sources of the host together in sources.list, without comments, when the source is written.',
    ),
  signedby: z.string().optional().describe('File with the key of the source, often below /etc/apt/keyrings.'),
  key_url: z.string().optional().describe('Where the key is: `salt://`, http address, or path on the host.'),
  key_text: z.string().optional().describe('The key itself, as text.'),
  keyid: z
    .union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))])
    .transform((given) => (Array.isArray(given) ? given : [given]).map(keyIdText))
    .optional()
    .describe('Fingerprints or ids of keys to get from `keyserver`.'),
  keyserver: z.string().optional().describe('Server that knows the keys: keyserver.ubuntu.com.'),
  aptkey: z
    .boolean()
    .default(true)
    .describe('False: keys go to `signedby` only, not to those that every source is trusted by.'),
  allow_insecure_key: z.boolean().default(true).describe('False refuses a `key_url` that begins with http://.'),
  refresh: z.boolean().default(true).describe('Refresh the lists when something was changed.'),
  refresh_db: flag().describe('Older name of `refresh`.'),
  ppa: z.string().optional().describe('Refused: write the line of the archive and its key.'),
};

/** What is given for a source of packages, beside the line. */
export type RepositoryArgs = z.output<z.ZodObject<typeof repositoryArgs>>;

/** What is wrong with the line and arguments of a source; undefined where nothing is. */
export function repositoryProblem(line: string, args: RepositoryArgs): string | undefined {
  if (args.ppa !== undefined || line.startsWith('ppa:'))
    return 'a ppa is asked of Launchpad, which Edge does not do: write its line (deb https://ppa.launchpadcontent.net/…) and keyid with keyserver: keyserver.ubuntu.com';
  if (parseSourceLine(line) === undefined)
    return `not a line of sources.list: ${line}; write deb URI RELEASE COMPONENT…, or deb URI PATH/`;
  if (args.enabled !== undefined && args.disabled !== undefined) return 'only one of enabled and disabled';
  const given = [args.keyid, args.key_url, args.key_text].filter((key) => key !== undefined);
  if (given.length > 1) return 'only one of keyid, key_url and key_text';
  if ((args.keyid === undefined) !== (args.keyserver === undefined)) return 'keyid and keyserver need each other';
  if (!args.allow_insecure_key && args.key_url?.startsWith('http://') === true)
    return `key_url ${args.key_url} is not encrypted, and allow_insecure_key is False: write https://`;
  if (!args.aptkey && given.length > 0 && !signerOf(line, args)?.startsWith('/'))
    return 'aptkey: False needs signedby, the file for the key: /etc/apt/keyrings/NAME.gpg';
  return undefined;
}

/** The source that a line and the arguments beside it want. */
export function repositoryGoal(line: string, args: RepositoryArgs): RepositoryGoal {
  const named = parseSourceLine(line)!;
  const options = new Map(named.options);
  if (args.architectures !== undefined && args.architectures.length > 0)
    options.set('arch', args.architectures.join(','));
  if (args.signedby !== undefined) options.set('signed-by', args.signedby);
  const comments = typeof args.comments === 'string' ? [args.comments] : args.comments;
  const source: AptSource = {
    ...named,
    options,
    dist: args.dist ?? named.dist,
    comps: args.comps ?? named.comps,
    isDisabled: args.disabled ?? (args.enabled === undefined ? named.isDisabled : !args.enabled),
    comment:
      comments
        ?.map((comment) =>
          comment
            .replace(/^[#\s]+/, '')
            .replace(/\s+/g, ' ')
            .trim(),
        )
        .join(' ') ?? named.comment,
  };
  return {
    source,
    formerDist: named.dist === source.dist ? undefined : named.dist,
    file: args.file,
    cleanFile: args.clean_file,
    consolidate: args.consolidate,
  };
}

function signerOf(line: string, { signedby }: RepositoryArgs): string | undefined {
  return signedby ?? parseSourceLine(line)?.options.get('signed-by');
}

/** YAML reads an id such as 28B04E4A as text, and 10000001 or 0x1A as a number, of which Salt takes the hex digits. */
function keyIdText(keyid: string | number): string {
  return typeof keyid === 'string' ? keyid : keyid.toString(16).toUpperCase().padStart(8, '0');
}
