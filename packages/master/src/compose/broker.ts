import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  connectNatsBus,
  credentialsFromCreds,
  type KeyPair,
  keyPairFromSeed,
  type NatsBus,
} from '@edge-run/shared/bus';
import { type Clock, EdgeError, type Logger } from '@edge-run/shared/kernel';
import { SUBJECTS } from '@edge-run/shared/protocol';
import type { LoadedMasterConfig } from '../config/index.ts';
import { createKeyring, type Keyring, pushAccount } from '../keys/index.ts';
import { startOwnServer } from './own-server.ts';

/** How others come in to the same server. */
export interface Admission {
  /** Public credential that minions knock with; absent where nobody is let in one by one. */
  readonly knock?: string;
  /** Credentials file that everybody uses. */
  readonly credentials?: string;
}

/** The master's connections and the keys they are made with. */
export interface Connections {
  readonly url: string;
  /** Addresses for minions elsewhere, the first to be tried first. */
  readonly servers: readonly string[];
  /** File of the authority that signed the server's certificate. */
  readonly caFile: string | undefined;
  /** True for a nats-server this master started. */
  readonly isManaged: boolean;
  readonly bus: NatsBus;
  /** Of the system account, where the server is ours: who connects, and telling it of revocations. */
  readonly system: NatsBus | undefined;
  readonly keyring: Keyring;
  readonly admission: Admission;
  close(): Promise<void>;
}

/**
 * Opens the keyring, starts nats-server where none is configured, and connects. Your own cluster may trust an account
 * whose signing key we hold, want a credentials file, or let everybody in.
 */
export async function openConnections(config: LoadedMasterConfig, clock: Clock, log: Logger): Promise<Connections> {
  let system: NatsBus | undefined;
  let bus: NatsBus | undefined;
  const external = externalAccount(config);
  const keyring = await createKeyring({
    dir: join(config.data_dir, 'keys'),
    clock,
    log,
    autoAccept: config.auto_accept,
    ...(external === undefined ? {} : { external }),
    pushAccount: async (jwt) => {
      if (system !== undefined) await pushAccount(system, jwt);
    },
    onAnswer: (publicKey, answer) => {
      void bus?.publish(SUBJECTS.ack(publicKey), answer);
    },
  });
  const broker = config.nats.url === undefined ? await startOwnServer(config, keyring.trust(), clock, log) : undefined;
  const url = broker?.url ?? config.nats.url!;
  const signsUsers = broker !== undefined || external !== undefined;
  const caFile = broker?.caFile ?? config.nats.ca_file;
  try {
    const credentials = signsUsers ? keyring.masterCreds(config.id) : ownCredentials(config);
    bus = await connect(url, config.id, credentials, caFile, log);
    if (broker !== undefined)
      system = await connect(url, `${config.id}-system`, keyring.systemCreds(config.id), caFile, log);
  } catch (error) {
    await bus?.close();
    await broker?.stop();
    throw error;
  }
  const given = config.nats.credentials;
  return {
    url,
    servers: broker?.servers ?? [url],
    caFile,
    isManaged: broker !== undefined,
    bus,
    system,
    keyring,
    admission: signsUsers ? { knock: keyring.knockJwt() } : given === undefined ? {} : { credentials: given },
    async close() {
      await system?.close();
      await bus?.close();
      await broker?.stop();
    },
  };
}

/** The account of your own cluster that we sign users of. @throws EdgeError `EDGE_CONFIG_INVALID` */
function externalAccount({ nats }: LoadedMasterConfig): { account: string; signingKey: KeyPair } | undefined {
  if (nats.account === undefined && nats.account_key === undefined) return undefined;
  if (nats.account === undefined || nats.account_key === undefined || nats.url === undefined) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      'nats.url, nats.account and nats.account_key belong together',
      {},
      { hint: 'Set all three, or none of the latter two.' },
    );
  }
  const seed = readSecretFile(nats.account_key, 'nats.account_key').trim();
  return { account: nats.account, signingKey: keyPairFromSeed(seed) };
}

function connect(
  url: string,
  name: string,
  creds: string | undefined,
  caFile: string | undefined,
  log: Logger,
): Promise<NatsBus> {
  return connectNatsBus({
    servers: [url],
    name,
    inboxPrefix: `_INBOX.${name}`,
    log,
    ...(creds === undefined ? {} : { credentials: credentialsFromCreds(creds) }),
    ...(caFile === undefined ? {} : { tls: { caFile } }),
  });
}

function ownCredentials({ nats }: LoadedMasterConfig): string | undefined {
  return nats.credentials === undefined ? undefined : readSecretFile(nats.credentials, 'nats.credentials');
}

function readSecretFile(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read ${file}`,
      { file },
      { cause: error, hint: `Correct \`${setting}\`.` },
    );
  }
}
