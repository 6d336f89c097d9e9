import { readFile } from 'node:fs/promises';
import { type BusCredentials, credentialsFromCreds } from '@edge-run/shared/bus';
import type { JobExecutor } from '@edge-run/shared/execute';
import { EDGE_VERSION, EdgeError, type Logger } from '@edge-run/shared/kernel';
import { type Agent, type AgentOptions, type MinionPorts, startAgent } from '../agent/index.ts';
import type { MinionConfig } from '../config/index.ts';
import { openIdentity } from '../identity/index.ts';

/** Starts the minion a configuration describes; what runs its jobs is made by `createExecutor`. */
export async function composeMinion(
  config: MinionConfig,
  parts: { readonly createExecutor: (ports: MinionPorts) => JobExecutor; readonly log: Logger },
): Promise<Agent> {
  const identity = await openIdentity(config.data_dir);
  return startAgent({
    id: config.id,
    version: EDGE_VERSION,
    servers: config.servers,
    dataDir: config.data_dir,
    identity,
    trustedKeys: config.trusted_keys,
    admission: await admissionOf(config),
    ...(config.role === undefined ? {} : { role: config.role }),
    concurrency: config.concurrency,
    fileCacheBytes: config.file_cache_mb * 1024 * 1024,
    createExecutor: parts.createExecutor,
    log: parts.log,
    ...(config.tls === undefined ? {} : { tls: tlsFiles(config.tls) }),
  });
}

async function admissionOf(config: MinionConfig): Promise<AgentOptions['admission']> {
  if (config.credentials !== undefined) {
    requireTrust(config);
    return { kind: 'given', credentials: credentialsFromCreds(await readFile(config.credentials, 'utf8')) };
  }
  if (config.knock !== undefined) {
    const credential: BusCredentials = { kind: 'bearer', jwt: config.knock };
    return { kind: 'knock', credential, ...(config.join_token === undefined ? {} : { joinToken: config.join_token }) };
  }
  requireTrust(config);
  return { kind: 'open' };
}

function requireTrust(config: MinionConfig): void {
  if (config.trusted_keys.length > 0) return;
  throw new EdgeError(
    'EDGE_CONFIG_INVALID',
    `${config.id} does not know whose jobs to run`,
    {},
    {
      hint: 'Set trusted_keys to the master’s job-signing key (edge-run keys finger shows it), or knock to its public credential.',
    },
  );
}

function tlsFiles({
  ca,
  ca_file,
  cert_file,
  key_file,
}: NonNullable<MinionConfig['tls']>): NonNullable<AgentOptions['tls']> {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(ca_file === undefined ? {} : { caFile: ca_file }),
    ...(cert_file === undefined ? {} : { certFile: cert_file }),
    ...(key_file === undefined ? {} : { keyFile: key_file }),
  };
}
