import { z } from 'zod';

const types = z.enum(['branch', 'tag', 'sha']);
const patterns = z.union([
  z.string().transform((text) => text.split(',').map((part) => part.trim())),
  z.array(z.string()),
]);

/** What one remote may set, and every remote through `gitfs_…`. */
const shared = {
  root: z.string().describe('Directory of the repository that is served.'),
  mountpoint: z.string().describe('`salt://` path it is served under.'),
  base: z.string().describe('Branch or tag that is `base`; `main`, else `master`, when absent.'),
  ref_types: z.array(types).describe('Which refs are environments: branch, tag, sha.'),
  saltenv_whitelist: patterns.describe('Only these environments: globs, or E@ and a regular expression.'),
  saltenv_blacklist: patterns.describe('Not these environments.'),
  disable_saltenv_mapping: z.boolean().describe('Serve only what `base` and `saltenv` name.'),
  fallback: z.string().describe('Branch or tag for environments that others have and this one has not.'),
  user: z.string().describe('User of HTTPS.'),
  password: z.string().describe('Password or token of HTTPS.'),
  privkey: z.string().describe('Private key file for SSH.'),
  ssl_verify: z.boolean().describe('Whether the certificate of the server is checked.'),
  refspecs: z.array(z.string()).describe('What is fetched; branches and tags when absent.'),
};

/** What only a remote of its own may set. */
const own = z.strictObject({
  ...z.object(shared).partial().shape,
  name: z.string().optional(),
  all_saltenvs: z.string().optional(),
  saltenv: z.unknown().optional(),
});

const perEnvironment = z.strictObject({ ref: z.string(), root: z.string(), mountpoint: z.string() }).partial();

/** A remote as everybody uses it, with the settings of all laid under its own. */
export interface GitRemoteSettings extends Omit<z.output<typeof own>, 'saltenv'> {
  readonly url: string;
  readonly saltenv: Readonly<Record<string, z.output<typeof perEnvironment>>>;
}

/** Salt's lists of one-key mappings (`- root: salt`), and plain mappings, as one mapping. */
function flattened(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return Object.assign(
    {},
    ...value.map((item) => (typeof item === 'object' && item !== null ? item : { [String(item)]: null })),
  );
}

const environments = z.preprocess(
  (value) =>
    Object.fromEntries(
      Object.entries((flattened(value) ?? {}) as Record<string, unknown>).map(([env, given]) => [
        env,
        flattened(given) ?? {},
      ]),
    ),
  z.record(z.string(), perEnvironment),
);

/** `https://…`, or `{url: [{root: …}, …]}`. */
const remote = z.unknown().transform((given, ctx): GitRemoteSettings => {
  if (typeof given === 'string') return { url: given, saltenv: {} };
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : [];
  const [url, settings] = entries[0] ?? [];
  if (url === undefined || entries.length !== 1) {
    ctx.addIssue({ code: 'custom', message: 'a remote is its address, or a mapping of its address to its settings' });
    return z.NEVER;
  }
  const parsed = own.safeParse(flattened(settings) ?? {});
  const envs = environments.safeParse(parsed.data?.saltenv ?? {});
  for (const { path, message } of [...(parsed.error?.issues ?? []), ...(envs.error?.issues ?? [])])
    ctx.addIssue({ code: 'custom', path: [url, ...path], message });
  if (!parsed.success || !envs.success) return z.NEVER;
  return { ...parsed.data, url, saltenv: envs.data };
});

const global = Object.fromEntries(
  Object.entries(shared).map(([name, schema]) => [
    `gitfs_${name}`,
    schema.optional().describe(`${schema.description ?? ''} For remotes that do not say it themselves.`),
  ]),
) as { [Name in keyof typeof shared as `gitfs_${Name}`]: z.ZodOptional<(typeof shared)[Name]> };

/** Settings of the file server, under Salt's names. */
export const fileserverSettings = {
  fileserver_backend: z
    .array(z.enum(['roots', 'git', 'gitfs']))
    .min(1)
    .optional()
    .describe(
      'Where files come from, the first that has one wins: roots, git. Default: roots, then git where there are remotes.',
    ),
  gitfs_remotes: z.array(remote).default([]).describe('Git repositories that files are served from.'),
  gitfs_update_interval: z.number().min(5).default(60).describe('Seconds between two fetches of the remotes.'),
  gitfs_saltenv: environments
    .optional()
    .describe('Environments with a ref, root or mountpoint of their own, in every remote.'),
  ...global,
};

/** The parts of a configuration that remotes are read from. */
type GitfsConfig = z.output<z.ZodObject<typeof fileserverSettings>>;

/** Every remote with what is said for all of them. */
export function gitRemotes(config: GitfsConfig): readonly GitRemoteSettings[] {
  const common = Object.fromEntries(
    Object.keys(shared).flatMap((name) => {
      const value = config[`gitfs_${name}` as keyof GitfsConfig];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return config.gitfs_remotes.map((given) => ({
    ...common,
    ...given,
    saltenv: { ...config.gitfs_saltenv, ...given.saltenv },
  }));
}
