import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { publicKeyKind } from '@edge-run/shared/bus/identity';
import { EdgeError } from '@edge-run/shared/kernel';
import { pillarMergeSettings, templateSettings } from '@edge-run/shared/project';
import { load } from 'js-yaml';
import { z } from 'zod';

const trustedKey = z.string().refine((key) => publicKeyKind(key) === 'user', 'is not a public key (U…)');
const texts = z.union([
  z.string().transform((text) => text.split(',').map((part) => part.trim())),
  z.array(z.string()),
]);

/** What tells a grain: a line for `sh`, or a program with its arguments and how its output is read. */
const commandGrain = z
  .union([
    z.string().transform((command) => ({ command })),
    z.strictObject({
      command: z
        .union([z.string(), z.tuple([z.string()], z.string())])
        .describe('A line for `sh`, or a program with its arguments. It must change nothing.'),
      format: z.enum(['text', 'json', 'yaml']).optional().describe('How what it prints is read. Default text.'),
      timeout: z.coerce.number().positive().max(300).optional().describe('Seconds it may take. Default 10.'),
    }),
  ])
  .transform((given) => ({ format: 'text' as const, timeout: 10, ...given }));

/** Everything `edge-minion` can be told in its configuration file, in the environment and by flags. */
export const minionConfig = z.strictObject({
  id: z.string().min(1).max(255).describe('Name of this host in Edge. Default: the host name.'),
  servers: texts
    .pipe(
      z.array(z.string().regex(/^(nats|tls|wss?):\/\//, 'is not a nats://, tls://, ws:// or wss:// address')).min(1),
    )
    .describe('Addresses of the NATS servers: a list, or addresses with commas between.'),
  data_dir: z.string().describe('Where the key, the job store and the file cache live.'),
  trusted_keys: texts
    .pipe(z.array(trustedKey))
    .default([])
    .describe("The masters' job-signing keys; pinned at the first answer when empty."),
  knock: z.string().optional().describe('The public credential to knock with. Without it, no enrolment.'),
  join_token: z.string().optional().describe('Secret that lets this minion in without anybody accepting it.'),
  role: z
    .string()
    .max(255)
    .optional()
    .describe('What this host is for, as the fact `role`; a join token can be good for one role only.'),
  credentials: z.string().optional().describe('A .creds file for a server of your own, instead of knocking.'),
  tls: z
    .strictObject({
      ca: z.string().optional().describe('The same as text, in PEM, instead of a file.'),
      ca_file: z.string().optional().describe('Certificates of the authority that signed those of the servers.'),
      cert_file: z.string().optional().describe('Certificate of this minion, where the servers ask for one.'),
      key_file: z.string().optional().describe('Private key of that certificate.'),
    })
    .optional()
    .describe('How `tls://` servers are checked and asked.'),
  concurrency: z.coerce.number().int().min(1).max(1_000).default(32).describe('Jobs that run at a time.'),
  file_roots: z
    .record(z.string(), z.array(z.string()))
    .default({})
    .describe('Local roots per environment, for calls without a master.'),
  pillar_roots: z
    .record(z.string(), z.array(z.string()))
    .default({})
    .describe('Local pillar roots, for calls without a master.'),
  ...pillarMergeSettings,
  ...templateSettings,
  gpg_keydir: z.string().default('/etc/edge/gpgkeys').describe('Folder of the keys gpg decrypts local pillars with.'),
  age_identities: z.array(z.string()).default([]).describe('Files of age keys for local pillars.'),
  pillarenv: z.string().optional().describe('Pillar environment of jobs that name none.'),
  home: z.string().optional().describe('HOME of commands, where it is not that of the user this minion runs as.'),
  services_dir: z.string().optional().describe('Where services of a host without an init system are declared.'),
  services_run_dir: z.string().optional().describe('Where such services keep their process files and logs.'),
  grains: z.record(z.string(), z.unknown()).default({}).describe('Grains of this host; they win over all others.'),
  grains_file: z
    .string()
    .optional()
    .describe(
      'File with grains of this host, which `grains.setval` and the like write. Default: `grains` in data_dir.',
    ),
  grains_commands: z
    .record(z.string(), commandGrain)
    .default({})
    .describe('Name of a grain → the command that tells it.'),
  grains_deep_merge: z
    .boolean()
    .default(false)
    .describe('Merge mappings of several sources of grains level by level, instead of replacing them.'),
  grains_refresh_every: z.coerce
    .number()
    .min(0)
    .max(10_080)
    .default(10)
    .describe('Minutes after which grains are gathered anew and told to the master; 0: only when asked.'),
  mine_functions: z
    .union([z.array(z.unknown()), z.record(z.string(), z.unknown())])
    .default({})
    .describe('Functions whose answers other hosts may read, with their arguments; those of the pillar are added.'),
  mine_enabled: z.boolean().default(true).describe('Whether the mine is updated at the start and from time to time.'),
  mine_interval: z.coerce
    .number()
    .positive()
    .max(10_080)
    .default(60)
    .describe('Minutes between two updates of the mine.'),
  file_cache_mb: z.coerce
    .number()
    .positive()
    .default(1024)
    .describe('Megabytes of files of the master that are kept; those not used the longest go first.'),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Least level that is logged.'),
});

/** Everything a minion is told before it starts. */
export type MinionConfig = z.output<typeof minionConfig>;

/** Later ones win: file, environment, flags. */
export interface ConfigSources {
  /** The parsed YAML file. */
  readonly file?: unknown;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Values from the command line, by the names of the file's keys. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** Environment variable → the key it sets. */
export const ENV_NAMES: Readonly<Record<string, string>> = {
  EDGE_MINION_ID: 'id',
  EDGE_SERVERS: 'servers',
  EDGE_DATA_DIR: 'data_dir',
  EDGE_TRUSTED_KEYS: 'trusted_keys',
  EDGE_KNOCK: 'knock',
  EDGE_JOIN_TOKEN: 'join_token',
  EDGE_CREDENTIALS: 'credentials',
  EDGE_CONCURRENCY: 'concurrency',
  EDGE_LOG_LEVEL: 'log_level',
};

/** The configuration the sources add up to. @throws EdgeError `EDGE_CONFIG_INVALID` that names every wrong key */
export function parseMinionConfig(sources: ConfigSources, defaults: { readonly id?: string } = {}): MinionConfig {
  const fromEnv = Object.entries(ENV_NAMES).flatMap(([name, key]) => {
    const value = sources.env?.[name];
    return value === undefined || value === '' ? [] : [[key, value] as const];
  });
  const caFile = sources.env?.EDGE_CA_FILE;
  if (caFile) fromEnv.push(['tls', { ...asRecord(asRecord(sources.file).tls), ca_file: caFile } as never]);
  const merged = {
    id: defaults.id ?? hostname(),
    servers: ['nats://127.0.0.1:4222'],
    data_dir: '/var/lib/edge/minion',
    ...asRecord(sources.file),
    ...Object.fromEntries(fromEnv),
    ...Object.fromEntries(Object.entries(sources.flags ?? {}).filter(([, value]) => value !== undefined)),
  };
  const parsed = minionConfig.safeParse(merged);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'config'}: ${issue.message}`);
  throw new EdgeError(
    'EDGE_CONFIG_INVALID',
    `the minion's configuration is not valid: ${problems.join('; ')}`,
    { problems },
    {
      hint: 'Correct the named keys; docs/reference lists them all.',
    },
  );
}

/** Reads the YAML file, when one is named, and adds environment and flags. @throws EdgeError `EDGE_CONFIG_INVALID` */
export async function readMinionConfig(
  path: string | undefined,
  sources: Omit<ConfigSources, 'file'>,
): Promise<MinionConfig> {
  if (path === undefined) return parseMinionConfig(sources);
  let file: unknown;
  try {
    file = load(await readFile(path, 'utf8'), { filename: path });
  } catch (error) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read ${path}: ${(error as Error).message}`,
      { path },
      { cause: error },
    );
  }
  return parseMinionConfig({ ...sources, file });
}

function asRecord(file: unknown): Record<string, unknown> {
  if (file === undefined || file === null) return {};
  if (typeof file === 'object' && !Array.isArray(file)) return file as Record<string, unknown>;
  throw new EdgeError('EDGE_CONFIG_INVALID', 'the configuration file is not a mapping of keys to values');
}
