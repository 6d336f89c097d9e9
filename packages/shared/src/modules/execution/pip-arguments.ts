import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { readEnvironment } from '../operations/index.ts';
import type { PipOptions } from '../providers/pip/index.ts';

/** A text, or a list of them. */
const several = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => (typeof given === 'string' ? [given] : given));

/** Which pip is meant and how it is run, in Salt's names. */
export const pipWhere = {
  bin_env: z.string().optional().describe('A pip, or the directory of a virtualenv; python3 of the host where absent.'),
  user: z.string().optional().describe('User to run pip as.'),
  cwd: z.string().optional().describe('Directory to run pip in.'),
  env_vars: anyValue().optional().describe('Mapping, or list of mappings, added to the environment.'),
  use_vt: z.boolean().default(false).describe('Accepted for Salt trees.'),
};

/** How pip installs, in Salt's names. */
export const pipInstallArgs = {
  editable: several.optional().describe('Projects to install so that they can be edited.'),
  find_links: several.optional().describe('Pages or directories with packages.'),
  index_url: z.string().optional().describe('Address of the index.'),
  extra_index_url: several.optional().describe('Further indexes.'),
  no_index: z.boolean().default(false).describe('Only `find_links`, no index.'),
  trusted_host: several.optional().describe('Hosts that need no valid certificate.'),
  cert: z.string().optional().describe('File of certificates to trust.'),
  proxy: z.string().optional().describe('Proxy for the index.'),
  timeout: z.coerce.number().positive().optional().describe('Seconds until a connection is given up.'),
  upgrade: z.boolean().default(false).describe('Upgrade what is there to the newest version that is wanted.'),
  force_reinstall: z.boolean().default(false).describe('Install again what is there, each time.'),
  ignore_installed: z.boolean().default(false).describe('Install over what is there, each time.'),
  exists_action: z.string().optional().describe('What to do when a path is there: s, i, w or b.'),
  no_deps: z.boolean().default(false).describe('Without what the packages need.'),
  pre_releases: z.boolean().default(false).describe('Also pre-releases.'),
  no_binary: several.optional().describe('Packages to build here, or :all:.'),
  no_cache_dir: z.boolean().default(false).describe('Without a cache.'),
  cache_dir: z.string().optional().describe('Directory of the cache.'),
  log: z.string().optional().describe('File to which pip adds what it does.'),
  extra_args: z.array(anyValue()).optional().describe('Further words for `pip install`; a mapping is `option=value`.'),
};

/** What is given for an installation by pip. */
export type PipInstallArgs = z.output<z.ZodObject<typeof pipInstallArgs>>;

/** Packages as people list them: a list, or a text with commas. */
export const packagesArg = z
  .union([z.string(), z.array(z.union([z.string(), z.number()]).transform(String))])
  .transform((given) =>
    (typeof given === 'string' ? given.split(/,(?!\s*[<>=!~])/) : given).map((part) => part.trim()).filter(Boolean),
  );

/** Options of a pip, as providers take them. */
export function pipOptions(args: {
  readonly bin_env?: string | undefined;
  readonly user?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env_vars?: Value | undefined;
}): PipOptions {
  return { binEnv: args.bin_env, user: args.user, cwd: args.cwd, env: readEnvironment(args.env_vars) };
}

/** The words of `pip install` that arguments stand for. */
export function pipInstallWords(args: PipInstallArgs): readonly string[] {
  const each = (option: string, values: readonly string[] = []): string[] =>
    values.map((value) => `${option}=${value}`);
  const one = (option: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [`${option}=${value}`];
  const flag = (option: string, isSet: boolean): string[] => (isSet ? [option] : []);
  return [
    ...flag('--no-index', args.no_index),
    ...one('--index-url', args.index_url),
    ...each('--extra-index-url', args.extra_index_url),
    ...each('--find-links', args.find_links),
    ...each('--trusted-host', args.trusted_host),
    ...one('--cert', args.cert),
    ...one('--proxy', args.proxy),
    ...one('--timeout', args.timeout),
    ...flag('--upgrade', args.upgrade),
    ...flag('--force-reinstall', args.force_reinstall),
    ...flag('--ignore-installed', args.ignore_installed),
    ...one('--exists-action', args.exists_action),
    ...flag('--no-deps', args.no_deps),
    ...flag('--pre', args.pre_releases),
    ...each('--no-binary', args.no_binary),
    ...flag('--no-cache-dir', args.no_cache_dir),
    ...one('--cache-dir', args.cache_dir),
    ...one('--log', args.log),
    ...(args.extra_args ?? []).flatMap(extraWords),
  ];
}

function extraWords(given: Value): string[] {
  if (given instanceof PyMap) return [...given].map(([option, value]) => `${String(option)}=${String(value)}`);
  return [String(given)];
}
